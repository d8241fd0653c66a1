/** Reference values of Hugging Face transformers; see tests/fixtures/nn/make.py. */
import { modelDir } from "../../lib/hub/model_dir.ts";
import { type HostTensor, readSafetensors } from "../../lib/hub/safetensors.ts";
import { assert, assertEquals } from "@std/assert";
import type { Model } from "../../lib/nn/model.ts";

/** Files and values of one of the tiny models. */
export async function fixture(name: "gpt2" | "bert" | "distilbert") {
  const path = new URL(`../fixtures/nn/${name}`, import.meta.url).pathname;
  const tensors = await readSafetensors(`${path}/values.safetensors`);
  const values = JSON.parse(await Deno.readTextFile(`${path}/values.json`));
  const rows = (key: string) => {
    const { shape: [count, length], data } = tensors.get(key) as HostTensor<Int32Array>;
    return Array.from({ length: count }, (_, i) => data.slice(i * length, (i + 1) * length));
  };
  return { path, files: modelDir(path), tensors, values, rows };
}

/** Fails unless |actual − expected| ≤ absolute + relative · |expected| everywhere. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  absolute: number,
  relative = 0,
): void {
  assertEquals(actual.length, expected.length, `${what}: number of elements`);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    assert(
      error <= absolute + relative * Math.abs(expected[i]),
      `${what}[${i}] is ${actual[i]}; expected ${expected[i]}`,
    );
  }
}

/** Compares all gradients of a model with the reference: 1e-4 + 1e-3·|g|. */
export async function assertGradients(
  model: Model,
  tensors: ReadonlyMap<string, HostTensor>,
): Promise<void> {
  const found = await model.weights.read("gradients");
  const names = [...tensors.keys()].filter((name) => name.startsWith("gradient."));
  assertEquals([...found.keys()].sort(), names.map((name) => name.slice(9)).sort());
  for (const name of names) {
    const { data } = tensors.get(name) as HostTensor<Float32Array>;
    assertClose(found.get(name.slice(9))!.data, data, name, 1e-4, 1e-3);
  }
}
