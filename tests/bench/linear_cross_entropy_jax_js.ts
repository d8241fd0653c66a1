/**
 * The loss of a language model's last layer in jax-js, the JavaScript peer that runs in Deno:
 *
 *     deno run -A --no-lock tests/bench/linear_cross_entropy_jax_js.ts --shape 8192,50257,768 --save
 *
 * jax-js (npm, MIT) computes it as one writes it there: logits, log-sum-exp, a mask for the targets,
 * under `jit`; its gather's gradient cannot be compiled. Time is that of the host's clock around
 * several calls and one wait, for jax-js and for ours beside it alike, so that both carry what the
 * host adds. Peak memory is what jax-js's buffers take above the inputs, counted where they are made.
 *
 * Shapes are tried in the order given, and the first that it can do is measured (default: from that
 * of GPT-2 with 8192 tokens downwards, tiny ones on the software adapter).
 *
 * Arguments: `--shape N,V,D` (may be repeated), `--data trained` or `flat`, `--rounds 7`, `--save`
 * (appends jax-js's rows to data/benchmarks/linear_cross_entropy.csv). Ours are in that file by the
 * device's clock, from linear_cross_entropy_bench.ts; here they are printed only.
 */
import { parseArgs } from "node:util";
import { flat, type LanguageModelData, trainedLike } from "../../lib/data/language_model.ts";
import { tuningOptions } from "../../lib/hub/tuning_store.ts";
import { Gpu, linearCrossEntropy, tuneLinearCrossEntropy } from "../../lib/mod.ts";

const VERSION = "0.1.25", NAME = `jax-js ${VERSION}`;
const TABLE = new URL("../../data/benchmarks/linear_cross_entropy.csv", import.meta.url);
/** Calls between two waits. */
const CALLS = 4;

interface Shape {
  n: number;
  v: number;
  d: number;
}

/** An array of jax-js; every function takes over its arguments, `ref` is another hold on one. */
interface JaxArray {
  readonly shape: number[];
  readonly ref: JaxArray;
  reshape(shape: number[]): JaxArray;
  astype(dtype: unknown): JaxArray;
  sub(other: JaxArray): JaxArray;
  sum(axis: number): JaxArray;
  blockUntilReady(): Promise<JaxArray>;
  jsAsync(): Promise<unknown>;
  dispose(): void;
}

type Loss = (e: JaxArray, c: JaxArray, targets: JaxArray) => JaxArray;

/** What is used here of jax-js. */
interface JaxJs {
  init(device: "webgpu"): Promise<string[]>;
  defaultDevice(device: "webgpu"): void;
  getWebGPUDevice(): GPUDevice;
  jit<F extends (...args: JaxArray[]) => unknown>(f: F): F & { dispose(): void };
  valueAndGrad(f: Loss, options: { argnums: [0, 1] }): (
    ...args: JaxArray[]
  ) => [JaxArray, [JaxArray, JaxArray]];
  nn: { logsumexp(x: JaxArray, axis: number): JaxArray };
  numpy: {
    int32: unknown;
    array(data: ArrayBufferView, options?: { dtype: unknown }): JaxArray;
    arange(end: number): JaxArray;
    equal(a: JaxArray, b: JaxArray): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    mean(x: JaxArray): JaxArray;
    transpose(x: JaxArray): JaxArray;
    where(condition: JaxArray, x: JaxArray, y: number): JaxArray;
  };
}

// Its name is put together at run time, so that neither deno.lock nor a type check knows of it:
// what they know of is installed by everybody, and this one only measures.
const { init, defaultDevice, getWebGPUDevice, jit, nn, numpy: np, valueAndGrad } = await import(
  `npm:@jax-js/jax@${VERSION}`
) as JaxJs;

/** What was measured of one pass. */
interface Row {
  pass: "loss" | "loss+gradient";
  /** Sorted milliseconds of a call. */
  ms: number[];
  peak: number;
  loss: number;
}

/** The mean loss in jax-js. */
function crossEntropy(e: JaxArray, c: JaxArray, targets: JaxArray): JaxArray {
  const [v] = c.shape;
  const logits = np.matmul(e, np.transpose(c));
  const normaliser = nn.logsumexp(logits.ref, -1);
  const isTarget = np.equal(targets, np.arange(v).astype(np.int32));
  return np.mean(normaliser.sub(np.where(isTarget, logits, 0).sum(-1)));
}

/** Counts the bytes of the buffers that a device makes from now on. */
function countBuffers(device: GPUDevice): { live: number; peak: number } {
  const count = { live: 0, peak: 0 };
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor), destroy = buffer.destroy.bind(buffer);
    count.live += buffer.size;
    count.peak = Math.max(count.peak, count.live);
    buffer.destroy = () => {
      count.live -= buffer.size;
      buffer.destroy = destroy;
      destroy();
    };
    return buffer;
  };
  return count;
}

/** Milliseconds of a call, sorted, by the host's clock. */
async function time(rounds: number, call: () => void, wait: () => Promise<unknown>) {
  call(); // compiles
  await wait();
  const ms: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    for (let i = 0; i < CALLS; i++) call();
    await wait();
    ms.push((performance.now() - start) / CALLS);
  }
  return ms.sort((a, b) => a - b);
}

/** Both passes in jax-js; throws what the device or the library throws. */
async function measureJax(data: LanguageModelData, { n, v, d }: Shape, rounds: number) {
  const device = getWebGPUDevice();
  const e = np.array(data.e).reshape([n, d]);
  const c = np.array(data.c).reshape([v, d]);
  const targets = np.array(Int32Array.from(data.targets), { dtype: np.int32 }).reshape([n, 1]);
  await Promise.all([e, c, targets].map((array) => array.blockUntilReady()));
  const failures: string[] = [];
  const failed = ({ error }: GPUUncapturedErrorEvent) => void failures.push(error.message);
  device.addEventListener("uncapturederror", failed as EventListener);
  const buffers = countBuffers(device), rows: Row[] = [];
  const loss = jit(crossEntropy), gradient = jit(valueAndGrad(crossEntropy, { argnums: [0, 1] }));
  const passes = {
    "loss": () => loss(e.ref, c.ref, targets.ref),
    "loss+gradient": () => {
      const [value, [dE, dC]] = gradient(e.ref, c.ref, targets.ref);
      dE.dispose();
      dC.dispose();
      return value;
    },
  };
  try {
    for (const [pass, run] of Object.entries(passes) as [Row["pass"], () => JaxArray][]) {
      const before = buffers.live;
      buffers.peak = before;
      const value = await run().jsAsync() as number;
      const peak = buffers.peak - before;
      let last: JaxArray | undefined;
      const ms = await time(rounds, () => {
        last?.dispose();
        last = run();
      }, () => last!.blockUntilReady());
      last!.dispose();
      if (failures.length > 0) throw new Error(failures[0]);
      rows.push({ pass, ms, peak, loss: value });
    }
  } finally {
    device.removeEventListener("uncapturederror", failed as EventListener);
    loss.dispose();
    gradient.dispose();
    for (const array of [e, c, targets]) array.dispose();
  }
  return rows;
}

/** The same passes of ours, naive and cut, on the same clock. */
async function measureOurs(gpu: Gpu, data: LanguageModelData, { n, v, d }: Shape, rounds: number) {
  using e = gpu.tensor(data.e, [n, d], { label: "e", requiresGrad: true });
  using c = gpu.tensor(data.c, [v, d], { label: "c", requiresGrad: true });
  await tuneLinearCrossEntropy(gpu, { n, v, d });
  for (const impl of ["naive", "cut"] as const) {
    const withGradient = () => {
      e.zeroGrad();
      c.zeroGrad();
      using loss = linearCrossEntropy(e, c, data.targets, { impl });
      loss.backward();
    };
    const alone = () => {
      using _ = gpu.noGrad();
      linearCrossEntropy(e, c, data.targets, { impl }).dispose();
    };
    for (const [pass, run] of [["loss", alone], ["loss+gradient", withGradient]] as const) {
      run();
      await gpu.sync();
      e.zeroGrad();
      c.zeroGrad();
      const { peak } = gpu.memory.measure(run);
      print(`ours, ${impl}`, pass, await time(rounds, run, () => gpu.sync()), peak);
    }
  }
}

function print(name: string, pass: string, ms: readonly number[], peak: number, loss?: number) {
  const median = ms[ms.length >> 1].toFixed(3).padStart(10);
  const rest = loss === undefined ? "" : ` loss ${loss.toFixed(5)}`;
  console.log(
    `${name.padEnd(16)} ${pass.padEnd(14)} ${median} ms ${
      (peak / 2 ** 20).toFixed(1).padStart(8)
    } MiB${rest}`,
  );
}

const { values } = parseArgs({
  options: {
    shape: { type: "string", multiple: true },
    data: { type: "string", default: "trained" },
    rounds: { type: "string", default: "7" },
    save: { type: "boolean" },
  },
});
using gpu = await Gpu.open(tuningOptions());
const usual = gpu.adapter.software
  ? ["256,2048,64"]
  : ["8192,50257,768", "4096,50257,768", "2048,50257,768", "1024,50257,768"];
const adapter = gpu.adapter.description.replaceAll(",", " "), rounds = Number(values.rounds);
if (!(await init("webgpu")).includes("webgpu")) throw new Error("jax-js finds no WebGPU.");
defaultDevice("webgpu");
for (const text of values.shape ?? usual) {
  const [n, v, d] = text.split(",").map(Number), shape = { n, v, d };
  const data = values.data === "flat" ? flat(shape) : trainedLike(shape);
  console.log(`${adapter}, N=${n} V=${v} D=${d}, ${values.data}`);
  let rows: Row[];
  try {
    rows = await measureJax(data, shape, rounds);
  } catch (error) {
    console.log(`${NAME}: ${String(error).split("\n")[0].slice(0, 300)}`);
    continue;
  }
  for (const { pass, ms, peak, loss } of rows) print(NAME, pass, ms, peak, loss);
  await measureOurs(gpu, data, shape, rounds);
  if (values.save) {
    const date = new Date().toISOString().slice(0, 10);
    const lines = rows.map(({ pass, ms, peak }) => {
      const quantiles = [0.2, 0.5, 0.8].map((q) => ms[Math.round(q * (ms.length - 1))].toFixed(3));
      const versions = `deno ${Deno.version.deno}`;
      return ["shape", NAME, "", values.data, n, v, d, pass, adapter, "WebGPU", versions]
        .concat(quantiles, String(peak), date).join(",") + "\n";
    });
    await Deno.writeTextFile(TABLE, lines.join(""), { append: true });
  }
  break;
}
