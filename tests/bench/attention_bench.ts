/**
 * Attention and differential attention beside each other, by length: `deno task bench attention`.
 * PyTorch's ways are measured by attention_peers.py.
 *
 * Sizes of one layer of a model: differential attention with 8 heads (d = 64, v of 128), ordinary
 * attention of equal width with 16 heads (d = 64), causal, one sequence. Milliseconds on the device's
 * clock, the median of rounds, in each of which it is done as often as takes 10 ms (a GPU that waits for
 * the host after every millisecond lowers its clock); peak memory above the inputs (gradients count).
 *
 * Arguments: `--times 1024,2048,4096,8192`, `--rounds 9`, `--kernels` (times of each kernel),
 * `--small` for the software adapter, `--save` to write data/benchmarks/attention.csv.
 */
import { attention, diffAttention } from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { warmUp } from "../../lib/gpu/warm_up.ts";

/** A way of attending to a sequence. */
interface Way {
  name: string;
  heads: number;
  shapes: (time: number) => number[][];
  result: (time: number) => number[];
  run: (inputs: Tensor[]) => Tensor;
}

const KINDS = ["forward", "forward+backward"] as const;

/** Milliseconds that a round takes at least, and that the GPU is kept busy before the first. */
const ROUND_MS = 10, WARM_MS = 800;

/** Runs the benchmark and prints its table. */
export async function run(args: string[]): Promise<void> {
  const option = (name: string, fallback: string) => {
    const at = args.indexOf(name);
    return at < 0 ? fallback : args[at + 1];
  };
  using gpu = await Gpu.open();
  const { description, software } = gpu.adapter;
  const small = software || args.includes("--small");
  const times = option("--times", small ? "32,64" : "1024,2048,4096,8192").split(",").map(Number);
  const rounds = Number(option("--rounds", small ? "1" : "9"));
  const lines = ["way,kind,t,d,heads,ms,peak_mib,gpu"];
  const d = small ? 8 : 64;
  console.log(description);
  const cases = times.flatMap((time) =>
    ways(small ? 1 : 8, d).flatMap((way) => KINDS.map((kind) => ({ way, kind, time })))
  );
  // All is compiled before anything is measured, or the GPU would idle in between.
  for (const each of cases) {
    using _ = gpu.scope();
    prepare(gpu, each)();
    await gpu.sync();
  }
  for (const { way, kind, time } of cases) {
    const { ms, peak, kernels } = await measure(gpu, { way, kind, time }, rounds);
    const mib = peak / 2 ** 20;
    console.log(
      `${way.name.padEnd(24)} ${kind.padEnd(17)} T=${String(time).padEnd(5)} ` +
        `${ms.toFixed(3).padStart(9)} ms  peak ${mib.toFixed(1).padStart(7)} MiB`,
    );
    if (args.includes("--kernels")) console.log(kernels);
    const row = [way.name, kind, time, d, way.heads, ms.toPrecision(4), mib.toFixed(1)];
    lines.push([...row, `"${description}"`].join(","));
  }
  if (args.includes("--save")) {
    const file = new URL("../../data/benchmarks/attention.csv", import.meta.url);
    await Deno.writeTextFile(file, lines.join("\n") + "\n");
  }
}

function ways(heads: number, d: number): Way[] {
  const causal = true;
  return [
    {
      name: "diffAttention",
      heads,
      shapes: (t) => [
        ...Array.from({ length: 4 }, () => [1, t, heads, d]),
        [1, t, heads, 2 * d],
        [1],
      ],
      result: (t) => [1, t, heads, 2 * d],
      run: ([q1, k1, q2, k2, v, lambda]) => diffAttention(q1, k1, q2, k2, v, lambda, { causal }),
    },
    {
      name: "attention",
      heads: 2 * heads,
      shapes: (t) => Array.from({ length: 3 }, () => [1, t, 2 * heads, d]),
      result: (t) => [1, t, 2 * heads, d],
      run: ([q, k, v]) => attention(q, k, v, { causal }),
    },
  ];
}

/** What is measured. */
interface Case {
  way: Way;
  kind: typeof KINDS[number];
  time: number;
}

/** Makes the inputs; the function that it gives back records the work once. */
function prepare(gpu: Gpu, { way, kind, time }: Case): () => void {
  const requiresGrad = kind !== "forward";
  const inputs = way.shapes(time).map((shape, i) => random(gpu, shape, i + 1, requiresGrad));
  const upstream = gpu.full(way.result(time), 1);
  return () => {
    using _ = gpu.scope();
    using y = way.run(inputs);
    if (requiresGrad) y.backward(upstream);
    for (const input of inputs) input.zeroGrad();
  };
}

async function measure(
  gpu: Gpu,
  what: Case,
  rounds: number,
): Promise<{ ms: number; peak: number; kernels: string }> {
  using _ = gpu.scope();
  const once = prepare(gpu, what);
  await warmUp(gpu, once, WARM_MS);
  const repeats = Math.ceil(ROUND_MS / (await gpu.time(once)).ms);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { ms } = await gpu.time(() => {
      for (let i = 0; i < repeats; i++) once();
    });
    times.push(ms / repeats);
  }
  const { peak } = gpu.memory.measure(once);
  const { passes } = await gpu.time(once, { perKernel: true });
  return {
    ms: times.sort((a, b) => a - b)[Math.floor(rounds / 2)],
    peak,
    kernels: passes.map(({ name, ms }) => `${ms.toFixed(3).padStart(12)} ms  ${name}`).join("\n"),
  };
}

function random(gpu: Gpu, shape: number[], seed: number, requiresGrad: boolean): Tensor {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  let state = seed;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    data[i] = state / 2 ** 31;
  }
  return gpu.tensor(data, shape, { requiresGrad });
}

if (import.meta.main) await run(Deno.args);
