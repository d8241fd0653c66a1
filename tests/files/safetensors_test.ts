import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import {
  encodeSafetensors,
  memoryFiles,
  parseSafetensors,
  SafetensorsError,
  type TensorToWrite,
} from "../../lib/files/mod.ts";
import { readSafetensors } from "../../lib/hub/safetensors.ts";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";

const FIXTURES = new URL("../fixtures/safetensors/", import.meta.url).pathname;
const REFERENCE = `${FIXTURES}reference.safetensors`;
const PLAIN = `${FIXTURES}plain.safetensors`;

Deno.test("bytes in memory give the tensors that the file gives, wherever they begin", async () => {
  const bytes = await Deno.readFile(REFERENCE);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  const expected = await readSafetensors(REFERENCE);
  for (const given of [bytes, bytes.buffer, shifted.subarray(3)]) {
    const file = parseSafetensors(given);
    assertEquals(file.metadata.format, "pt");
    assertEquals([...file.entries.keys()], [...expected.keys()]);
    for (const [name, tensor] of expected) assertEquals(file.read(name), tensor, name);
  }
});

Deno.test("encoded bytes are those that Hugging Face's library wrote", async () => {
  const tensors = new Map<string, TensorToWrite>(await readSafetensors(PLAIN));
  tensors.set("half", { ...tensors.get("half")!, dtype: "F16" });
  tensors.set("mask", { ...tensors.get("mask")!, dtype: "BOOL" });
  assertEquals(await encodeSafetensors(tensors), await Deno.readFile(PLAIN));
});

Deno.test("every truncation of good bytes is refused, and names what was given", async () => {
  const whole = await Deno.readFile(REFERENCE);
  for (let length = 0; length < whole.length; length += 7) {
    const cut = whole.subarray(0, length);
    assertThrows(() => parseSafetensors(cut, "model.bin"), SafetensorsError, "model.bin");
  }
});

Deno.test("scalars and tensors without elements come back as they went", async () => {
  const tensors = {
    scalar: { shape: [], data: new Float32Array([3]) },
    none: { shape: [0, 5], data: new Float32Array(0) },
    also: { shape: [2, 0], data: new Int32Array(0) },
  };
  const file = parseSafetensors(await encodeSafetensors(tensors));
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    assertEquals(file.read(name), { shape, data }, name);
  }
});

Deno.test("a model that was saved in memory is loaded from there", async () => {
  using gpu = await Gpu.open();
  using model = new Gpt2(gpu, { vocabulary: 9, positions: 8, width: 8, layers: 1, heads: 1 });
  const saved = memoryFiles();
  await assertRejects(() => Gpt2.load(gpu, saved), Error, 'no file "config.json" in memory');
  await model.save(saved);
  assertEquals([...saved.files.keys()], ["config.json", "model.safetensors"]);
  using same = await Gpt2.load(gpu, memoryFiles(new Map(saved.files)));
  assertEquals(await same.weights.read(), await model.weights.read());

  await saved.writeText("config.json", "<!doctype html>");
  await assertRejects(() => Gpt2.load(gpu, saved), Error, "config.json is no JSON object");
});
