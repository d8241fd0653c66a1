/**
 * Every operation at the sizes of GPT-2 124M with 8,192 tokens: `deno task bench ops`.
 *
 * Forward alone, then forward and backward, on the device's clock. Operations that compute are
 * rated in TFLOP/s (two operations a multiply-add, causal attention counted by half), those that
 * move memory in GB/s (each input read and each output written once).
 *
 * Arguments: `--only attention` (part of a name), `--rounds 9`, `--small` for the software adapter,
 * `--save` to write data/benchmarks/ops.csv, `--kernels` to list the time of each kernel too.
 */
import { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import * as ops from "../../lib/ops/mod.ts";
import { warmUp } from "../../lib/gpu/warm_up.ts";

/** One operation at one size. */
interface Row {
  name: string;
  shape: string;
  inputs: Tensor[];
  op: (inputs: Tensor[]) => Tensor;
  /** Floating-point operations, or bytes, of forward, and of forward and backward. */
  flops?: [number, number];
  bytes?: [number, number];
}

interface Sizes {
  batch: number;
  time: number;
  width: number;
  heads: number;
  vocabulary: number;
}

/** Runs the benchmark and prints its table. */
export async function run(args: string[]): Promise<void> {
  const option = (name: string) => {
    const at = args.indexOf(name);
    return at < 0 ? undefined : args[at + 1];
  };
  const only = option("--only") ?? "", rounds = Number(option("--rounds") ?? 9);
  using gpu = await Gpu.open();
  const small = args.includes("--small") || gpu.adapter.software;
  const sizes = small
    ? { batch: 1, time: 64, width: 64, heads: 2, vocabulary: 500 }
    : { batch: 16, time: 512, width: 768, heads: 12, vocabulary: 50257 };
  const lines = ["what,shape,machine,versions,p20,p50,p80,peak bytes,date"];
  const date = new Date().toISOString().slice(0, 10);
  console.log(gpu.adapter.description);
  for (const make of cases(sizes, small)) {
    if (!make.name.includes(only)) continue;
    using _ = gpu.scope();
    const row = make(gpu);
    for (const way of ["forward", "forward and backward"] as const) {
      const { times, peak, passes } = await measure(gpu, row, way, rounds);
      const [p20, p50, p80] = [0.2, 0.5, 0.8].map((q) => times[Math.floor(q * times.length)]);
      const i = way === "forward" ? 0 : 1;
      const rate = row.flops
        ? `${(row.flops[i] / p50 / 1e9).toFixed(2)} TFLOP/s`
        : row.bytes
        ? `${(row.bytes[i] / p50 / 1e6).toFixed(0)} GB/s`
        : "";
      console.log(
        `${row.name.padEnd(26)} ${row.shape.padEnd(30)} ${way.padEnd(20)} ` +
          `${p50.toFixed(3).padStart(9)} ms ${rate.padStart(16)}  ` +
          `peak ${(peak / 2 ** 20).toFixed(1)} MiB`,
      );
      if (args.includes("--kernels")) { for (const line of passes) console.log(`    ${line}`); }
      const texts = [`${row.name}, ${way} [ms]`, row.shape, gpu.adapter.description];
      lines.push([
        ...texts.map((text) => `"${text}"`),
        `deno ${Deno.version.deno}`,
        ...[p20, p50, p80].map((ms) => ms.toPrecision(4)),
        peak,
        date,
      ].join(","));
    }
  }
  if (args.includes("--save")) {
    const file = new URL("../../data/benchmarks/ops.csv", import.meta.url);
    await Deno.writeTextFile(file, lines.join("\n") + "\n");
  }
}

/** Dispatches that fit into one submit, see lib/gpu/recorder.ts. */
const ONE_SUBMIT = 512;

/**
 * Milliseconds of one run, from rounds of several: as many as one submit holds and a hundredth of a
 * second needs, so that the device neither waits for the host nor rests, which would lower its clock.
 */
async function measure(
  gpu: Gpu,
  { inputs, op }: Row,
  way: "forward" | "forward and backward",
  rounds: number,
): Promise<{ times: number[]; peak: number; passes: string[] }> {
  const alone = () => {
    using _ = gpu.noGrad();
    using y = op(inputs);
    return y.shape;
  };
  using upstream = gpu.full(alone(), 1);
  const once = way === "forward" ? alone : () => {
    using y = op(inputs);
    y.backward(upstream);
    for (const input of inputs) input.zeroGrad();
  };
  await warmUp(gpu, once);
  const { passes } = await gpu.time(once, { perKernel: true });
  const ms = passes.reduce((sum, pass) => sum + pass.ms, 0);
  const repeat = gpu.adapter.software
    ? 1
    : Math.max(1, Math.min(Math.floor(ONE_SUBMIT / passes.length), Math.ceil(10 / ms)));
  const several = () => {
    using _ = gpu.scope();
    for (let i = 0; i < repeat; i++) once();
  };
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    several(); // keeps the device busy while those that count are recorded
    times.push((await gpu.time(several)).ms / repeat);
  }
  const { peak } = gpu.memory.measure(once);
  return {
    times: times.sort((a, b) => a - b),
    peak,
    passes: passes.map(({ name, ms }) => `${ms.toFixed(3).padStart(8)} ms  ${name}`),
  };
}

/** The operations, each named like its function so that `--only` finds it. */
function cases(s: Sizes, small: boolean): ((gpu: Gpu) => Row)[] {
  const tokens = s.batch * s.time;
  const random = (gpu: Gpu, shape: number[], scale = 1) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    let state = shape.length;
    for (let i = 0; i < data.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      data[i] = scale * state / 2 ** 31;
    }
    return gpu.tensor(data, shape, { requiresGrad: true });
  };
  const named = (name: string, make: (gpu: Gpu) => Omit<Row, "name">) =>
    Object.defineProperty((gpu: Gpu) => ({ name, ...make(gpu) }), "name", { value: name });

  /** Operations on [tokens, width]; bytes in units of that tensor. */
  const moving = (
    name: string,
    units: [number, number],
    op: (inputs: Tensor[]) => Tensor,
    others: number[][] = [],
    width = s.width,
  ) =>
    named(name, (gpu) => ({
      shape: `[${s.batch}, ${s.time}, ${width}]`,
      inputs: [[s.batch, s.time, width], ...others].map((shape) => random(gpu, shape)),
      op,
      bytes: units.map((n) => n * 4 * tokens * width) as [number, number],
    }));

  const linear = (inside: number, outside: number, activation?: "gelu_tanh") =>
    named(activation ? "linear gelu" : "linear", (gpu) => {
      const flops = 2 * tokens * inside * outside;
      return {
        shape: `[${tokens}, ${inside}] to ${outside}`,
        inputs: [[tokens, inside], [inside, outside], [outside]].map((x) => random(gpu, x, 0.1)),
        op: ([x, w, b]) => ops.linear(x, w, b, { weightLayout: "in,out", activation }),
        flops: [flops, 3 * flops],
      };
    });

  /** Operations of attention: forward 2·(d + dv) an entry; backward 2.5 times as much, by custom. */
  const attentionFlops = (batch: number, heads: number, time: number, d: number, dv: number) => {
    const forward = 2 * batch * heads * time * time * (d + dv) / 2;
    return [forward, 3.5 * forward] as [number, number];
  };
  const packed = (batch: number, time: number) =>
    named("attentionPacked", (gpu) => ({
      shape: `B=${batch} H=${s.heads} T=${time} d=${s.width / s.heads}`,
      inputs: [random(gpu, [batch, time, 3 * s.width])],
      op: ([qkv]) => ops.attentionPacked(qkv, { heads: s.heads, causal: true }),
      flops: attentionFlops(batch, s.heads, time, s.width / s.heads, s.width / s.heads),
    }));
  const differential = (batch: number, time: number) =>
    named("diffAttention", (gpu) => {
      const [heads, d] = small ? [1, 16] : [8, 64];
      const [forward, both] = attentionFlops(batch, 2 * heads, time, d, 2 * d);
      return {
        shape: `B=${batch} H=${heads} T=${time} d=${d}`,
        inputs: [
          ...[1, 2, 3, 4].map(() => random(gpu, [batch, time, heads, d])),
          random(gpu, [batch, time, heads, 2 * d]),
          random(gpu, [1]),
        ],
        op: ([q1, k1, q2, k2, v, lambda]) =>
          ops.diffAttention(q1, k1, q2, k2, v, lambda, { causal: true }),
        flops: [forward, both],
      };
    });
  const equalWidth = (batch: number, time: number) =>
    named("attention beside diffAttention", (gpu) => {
      const [heads, d] = small ? [2, 16] : [16, 64];
      return {
        shape: `B=${batch} H=${heads} T=${time} d=${d}`,
        inputs: [1, 2, 3].map(() => random(gpu, [batch, time, heads, d])),
        op: ([q, k, v]) => ops.attention(q, k, v, { causal: true }),
        flops: attentionFlops(batch, heads, time, d, d),
      };
    });

  return [
    moving("gelu", [2, 5], ([x]) => ops.gelu(x), [], 4 * s.width),
    moving("gelu tanh", [2, 5], ([x]) => ops.gelu(x, { approximate: "tanh" }), [], 4 * s.width),
    moving("silu", [2, 5], ([x]) => ops.silu(x)),
    moving("tanh", [2, 5], ([x]) => ops.tanh(x)),
    moving("swiglu", [3, 8], ([x, y]) => ops.swiglu(x, y), [[s.batch, s.time, s.width]]),
    moving("add", [3, 3], ([x, y]) => ops.add(x, y), [[s.batch, s.time, s.width]]),
    moving("mul", [3, 9], ([x, y]) => ops.mul(x, y), [[s.batch, s.time, s.width]]),
    moving("scale", [2, 4], ([x]) => ops.scale(x, 0.5)),
    moving("dropout", [2, 4], ([x]) => ops.dropout(x, 0.1, { seed: 1 })),
    moving("layerNorm", [2, 7], ([x, w, b]) => ops.layerNorm(x, w, b), [[s.width], [s.width]]),
    moving("rmsNorm", [2, 7], ([x, w]) => ops.rmsNorm(x, w), [[s.width]]),
    moving(
      "rotary",
      [2, 4],
      ([x]) => ops.rotary(ops.reshape(x, [s.batch, s.time, s.heads, s.width / s.heads])),
    ),
    moving("mean", [1, 2], ([x]) => ops.mean(x)),
    moving("sum", [1, 2], ([x]) => ops.sum(x)),
    moving("selectToken", [0, 1], ([x]) => ops.selectToken(x, 0)),
    named("maskedMean", (gpu) => {
      const mask = gpu.tensor(new Int32Array(tokens).fill(1), [s.batch, s.time]);
      return {
        shape: `[${s.batch}, ${s.time}, ${s.width}]`,
        inputs: [random(gpu, [s.batch, s.time, s.width])],
        op: ([x]) => ops.maskedMean(x, mask),
        bytes: [4 * tokens * s.width, 8 * tokens * s.width],
      };
    }),
    named("diffLambda", (gpu) => ({
      shape: `[4, ${s.width / s.heads}]`,
      inputs: [random(gpu, [4, s.width / s.heads], 0.1)],
      op: ([vectors]) => ops.diffLambda(vectors, 0.8),
      bytes: [16 * s.width / s.heads, 48 * s.width / s.heads],
    })),
    named("embedding", (gpu) => {
      const ids = Int32Array.from({ length: tokens }, (_, i) => (i * i * 31) % s.vocabulary);
      const onDevice = gpu.tensor(ids, [s.batch, s.time]);
      return {
        shape: `[${s.batch}, ${s.time}] of ${s.vocabulary}`,
        inputs: [random(gpu, [s.vocabulary, s.width])],
        op: ([table]) => ops.embedding(onDevice, table),
        bytes: [
          8 * tokens * s.width,
          12 * tokens * s.width + 4 * s.vocabulary * s.width,
        ],
      };
    }),
    named("crossEntropy", (gpu) => {
      const targets = gpu.tensor(Int32Array.from({ length: tokens }, (_, i) => i % 15));
      return {
        shape: `[${tokens}, 15]`,
        inputs: [random(gpu, [tokens, 15])],
        op: ([x]) => ops.crossEntropy(x, targets),
        bytes: [60 * tokens, 180 * tokens],
      };
    }),
    linear(s.width, 3 * s.width),
    linear(s.width, s.width),
    linear(s.width, 4 * s.width, "gelu_tanh"),
    linear(4 * s.width, s.width),
    packed(s.batch, s.time),
    packed(1, small ? 64 : 8192),
    ...(small ? [[1, 64]] : [[8, 1024], [4, 2048], [2, 4096], [1, 8192]]).flatMap((
      [batch, time],
    ) => [differential(batch, time), equalWidth(batch, time)]),
  ];
}

if (import.meta.main) await run(Deno.args);
