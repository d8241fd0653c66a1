/**
 * The loss at the sizes of language models: `deno task bench linear_cross_entropy`.
 *
 * Every way, loss alone and loss with gradients, on data like a trained model's and on flat data:
 * milliseconds on the device's clock (20th, 50th, 80th percentile) and peak bytes above the inputs
 * by the ledger. Prints a table; `--save` writes data/benchmarks/linear_cross_entropy.csv.
 *
 * Arguments: `--shape 8192,50257,768` (N, V, D; may be repeated; default by the adapter),
 * `--rounds 7`, `--data trained` or `flat`, `--only cut` (part of a way's name; may be repeated),
 * `--model-table` (N = 8192, V and D of real models), `--growth` (each of N, V, D doubled),
 * `--dump DIR` (writes the inputs as raw f32 and i32, for tests/bench/linear_cross_entropy_peers.py to
 * measure others on the same numbers), `--save`, `--append` (adds to the file instead of replacing it).
 *
 * `--errors` measures precision instead of time: how far loss, dE and dC are from f64, on
 * `--error-rows 64` of the tokens (see loss_errors.ts); saved in linear_cross_entropy_errors.csv.
 *
 * Ways named "f16" have E and C in half precision. Tiles are tuned first, unless `CUTLOSS_AUTOTUNE=0`.
 */
import { parseArgs } from "node:util";
import { flat, type LanguageModelData, trainedLike } from "../../lib/data/language_model.ts";
import { warmUp } from "../../lib/gpu/warm_up.ts";
import { tuningOptions } from "../../lib/hub/tuning_store.ts";
import {
  Gpu,
  linearCrossEntropy,
  type LinearCrossEntropyOptions,
  tuneLinearCrossEntropy,
} from "../../lib/mod.ts";
import { errorsOf, trueBatch } from "./loss_errors.ts";

/** Real models' vocabulary and width, for N = 8192 tokens. */
const MODELS: readonly { name: string; v: number; d: number }[] = [
  { name: "GPT-2", v: 50257, d: 768 },
  { name: "Phi 3.5 mini", v: 32064, d: 3072 },
  { name: "Llama 3 8B", v: 128256, d: 4096 },
  { name: "Mistral Nemo", v: 131072, d: 5120 },
  { name: "Qwen 2.5 7B", v: 152064, d: 3584 },
  { name: "Gemma 2 2B", v: 256000, d: 2304 },
];

/** A way to the loss: its options, and whether E and C are f16. */
interface Way {
  options: LinearCrossEntropyOptions;
  half: boolean;
}

const FULL: readonly LinearCrossEntropyOptions[] = [
  { impl: "naive" },
  { impl: "chunked" },
  { impl: "cut", filterEps: null },
  { impl: "cut", filterEps: "auto" },
  { impl: "cut", filterEps: 2 ** -12 },
];

const WAYS: readonly Way[] = [
  ...FULL.map((options) => ({ options, half: false })),
  ...FULL.slice(1).map((options) => ({ options, half: true })),
];

const FOLDER = new URL("../../data/benchmarks/", import.meta.url);

const HEADER =
  "what,impl,filter_eps,data,n,v,d,pass,adapter,driver,versions,ms_p20,ms_p50,ms_p80,peak_bytes,date";

const ERRORS_HEADER =
  "impl,filter_eps,data,rows,v,d,adapter,driver,versions,loss_error,de_error,dc_error,date";

/** Runs the benchmark. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      shape: { type: "string", multiple: true },
      rounds: { type: "string", default: "7" },
      data: { type: "string" },
      only: { type: "string", multiple: true },
      dump: { type: "string" },
      save: { type: "boolean" },
      append: { type: "boolean" },
      "model-table": { type: "boolean" },
      growth: { type: "boolean" },
      errors: { type: "boolean" },
      "error-rows": { type: "string", default: "64" },
    },
  });
  using gpu = await Gpu.open(tuningOptions());
  const usual = gpu.adapter.software ? "256,2048,64" : "8192,50257,768";
  let shapes = (values.shape ?? [usual]).map((text) => {
    const [n, v, d] = text.split(",").map(Number);
    return { what: "shape", n, v, d };
  });
  const { n, v, d } = shapes[0];
  if (!values.shape && (values["model-table"] || values.growth)) shapes = [];
  if (values["model-table"]) {
    shapes.push(...MODELS.map(({ name, v, d }) => ({ what: name, n: 8192, v, d })));
  }
  if (values.growth) {
    for (const f of [0.25, 0.5, 1, 2]) {
      shapes.push({ what: "growth of N", n: n * f, v, d });
      shapes.push({ what: "growth of V", n, v: Math.round(v * f), d });
      shapes.push({ what: "growth of D", n, v, d: d * f });
    }
  }
  const adapter = `${gpu.adapter.description}`.replaceAll(",", " ");
  const versions = `deno ${Deno.version.deno}`;
  const date = new Date().toISOString().slice(0, 10);
  const lines: string[] = [];
  /** Tiles that tuning chose, each of which is told of once. */
  const tiles = new Set<string>();
  console.log(adapter);
  for (const { what, ...shape } of shapes) {
    for (const kind of ["trained", "flat"]) {
      if (values.data && values.data !== kind) continue;
      const data = kind === "trained" ? trainedLike(shape) : flat(shape);
      if (values.dump && what === "shape") await dump(values.dump, kind, shape, data);
      const batch = values.errors && trueBatch(data, shape, Number(values["error-rows"]));
      for (const { options, half } of WAYS) {
        if (half && !gpu.features.has("shader-f16")) continue;
        const impl = `${options.impl}${half ? " f16" : ""}`, eps = options.filterEps ?? "";
        const name = `${impl} ${eps}`, { n, v, d } = shape;
        if (values.only && !values.only.some((part) => name.includes(part))) continue;
        const label = `${what.padEnd(13)} ${name.padEnd(24)} ${kind.padEnd(8)}`;
        if (batch) {
          const { loss, dE, dC } = await errorsOf(gpu, batch, options, half);
          const errors = [loss, dE, dC].map((x) => x.toExponential(3));
          lines.push(
            [impl, eps, kind, batch.n, v, d, adapter, "WebGPU", versions, ...errors, date].join(
              ",",
            ),
          );
          console.log(
            `${label} rows=${batch.n} V=${v} D=${d}`.padEnd(74),
            `error of loss ${errors[0]} dE ${errors[1]} dC ${errors[2]}`,
          );
          continue;
        }
        if (!half) {
          for (const choice of await tuneLinearCrossEntropy(gpu, { ...shape, ...options })) {
            const line = `tile of ${choice.subject}, ${choice.shapes}: ${choice.choice}`;
            if (!tiles.has(line)) console.log(`${line} (${choice.source})`);
            tiles.add(line);
          }
        }
        gpu.trim(); // or a buffer of something else, up to an eighth too large, would count here
        for (const row of await measure(gpu, data, shape, options, half, Number(values.rounds))) {
          const ms = row.ms?.map((x) => x.toFixed(3)) ?? ["", "", ""];
          lines.push(
            [what, impl, eps, kind, n, v, d, row.pass, adapter, "WebGPU", versions, ...ms]
              .concat(String(row.peak ?? ""), date).join(","),
          );
          console.log(
            label,
            `N=${n} V=${v} D=${d}`.padEnd(26),
            row.pass.padEnd(14),
            row.error ??
              `${ms[1].padStart(10)} ms ${(row.peak! / 2 ** 20).toFixed(1)} MiB ${
                row.loss === undefined ? "" : `loss ${row.loss.toFixed(5)}`
              }`,
          );
        }
      }
      gpu.trim();
    }
  }
  if (values.save) {
    await Deno.mkdir(FOLDER, { recursive: true });
    const file = new URL(`linear_cross_entropy${values.errors ? "_errors" : ""}.csv`, FOLDER);
    const header = values.errors ? ERRORS_HEADER : HEADER, text = lines.join("\n") + "\n";
    if (values.append) await Deno.writeTextFile(file, text, { append: true });
    else await Deno.writeTextFile(file, `${header}\n${text}`);
    console.log(`Written to ${file.pathname}`);
  }
}

interface Row {
  pass: "loss" | "loss+gradient";
  ms?: number[];
  peak?: number;
  loss?: number;
  error?: string;
}

/** Both passes of one way; an error becomes a row, since not every way can do every size. */
async function measure(
  gpu: Gpu,
  { e: hostE, c: hostC, targets }: LanguageModelData,
  { n, v, d }: { n: number; v: number; d: number },
  options: LinearCrossEntropyOptions,
  half: boolean,
  rounds: number,
): Promise<Row[]> {
  const typed = (x: Float32Array) => half ? new Float16Array(x) : x;
  using e = gpu.tensor(typed(hostE), [n, d], { label: "e", requiresGrad: true });
  using c = gpu.tensor(typed(hostC), [v, d], { label: "c", requiresGrad: true });
  const passes: Record<Row["pass"], () => void> = {
    "loss": () => {
      using _ = gpu.noGrad();
      linearCrossEntropy(e, c, targets, options).dispose();
    },
    "loss+gradient": () => {
      e.zeroGrad();
      c.zeroGrad();
      using loss = linearCrossEntropy(e, c, targets, options);
      loss.backward();
    },
  };
  const rows: Row[] = [];
  for (const [pass, run] of Object.entries(passes) as [Row["pass"], () => void][]) {
    try {
      await warmUp(gpu, run); // compiles, fills the pool
      e.zeroGrad();
      c.zeroGrad();
      const { peak } = gpu.memory.measure(run);
      const ms: number[] = [];
      for (let i = 0; i < rounds; i++) ms.push((await gpu.time(run)).ms);
      ms.sort((a, b) => a - b);
      using _ = gpu.noGrad();
      using loss = linearCrossEntropy(e, c, targets, options);
      rows.push({
        pass,
        ms: [0.2, 0.5, 0.8].map((q) => ms[Math.round(q * (ms.length - 1))]),
        peak,
        loss: await loss.item(),
      });
    } catch (error) {
      rows.push({ pass, error: error instanceof Error ? error.message : String(error) });
      gpu.throwIfFailed(); // a device that is lost cannot go on
    }
  }
  e.zeroGrad();
  c.zeroGrad();
  return rows;
}

/** Writes the inputs as raw little-endian files, `trained_8192_50257_768.e.f32` and so on. */
async function dump(
  dir: string,
  kind: string,
  { n, v, d }: { n: number; v: number; d: number },
  { e, c, targets }: LanguageModelData,
): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  const name = `${dir}/${kind}_${n}_${v}_${d}`;
  await Deno.writeFile(`${name}.e.f32`, new Uint8Array(e.buffer));
  await Deno.writeFile(`${name}.c.f32`, new Uint8Array(c.buffer));
  await Deno.writeFile(`${name}.targets.i32`, new Uint8Array(targets.buffer));
}
