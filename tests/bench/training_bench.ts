/**
 * Training steps (forward, backward, clipping, AdamW) of GPT-2 124M and BERT-base:
 * `deno task bench training`. Its peers are in training_peers.py.
 *
 * Tokens a second are of whole steps on the host's clock, several between two waits, as in training.
 * The time by kernel is of one step in which every dispatch is timed on the device's clock.
 * Utilisation counts six operations for each weight of a product and each token, and those of
 * attention, over the peak of f32 without tensor cores.
 *
 * Arguments: `--only bert` (part of a name), `--batch 16`, `--time 512`, `--steps 10`, `--rounds 5`,
 * `--impl cut` (of the loss; default chunked), `--checkpoint`, `--tune` (the tiles of products),
 * `--peak 67` (TFLOP/s of the adapter), `--small` (the default on the software adapter), `--save` to
 * write data/benchmarks/training.csv.
 */
import { formatBytes } from "../../lib/gpu/errors.ts";
import { Bert } from "../../lib/nn/bert.ts";
import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { AdamW } from "../../lib/train/adamw.ts";
import { formatMemoryPlan, planMemory } from "../../lib/train/memory_plan.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { tuneProducts } from "../../lib/tensor/tune_products.ts";
import type { Trainable } from "../../lib/train/train_options.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

/** A model, and the loss of a batch of random tokens. */
interface Subject {
  model: Trainable<never>;
  loss: () => Tensor;
  /** Operations of a step. */
  flops: number;
}

interface Options {
  batch: number;
  time: number;
  steps: number;
  rounds: number;
  impl: "naive" | "chunked" | "cut";
  checkpoint: boolean;
  tune: boolean;
  small: boolean;
}

/** f32 TFLOP/s of GPUs without their tensor cores, by a part of their names. */
const PEAKS: [string, number][] = [["H200", 67], ["H100", 67], ["A100", 19.5], ["4090", 82.6]];

/** Runs the benchmark and prints its tables. */
export async function run(args: string[]): Promise<void> {
  const option = (name: string) => {
    const at = args.indexOf(name);
    return at < 0 ? undefined : args[at + 1];
  };
  using gpu = await Gpu.open();
  const { description, software } = gpu.adapter;
  const small = args.includes("--small") || software;
  const options: Options = {
    batch: Number(option("--batch") ?? (small ? 2 : 16)),
    time: Number(option("--time") ?? (small ? 32 : 512)),
    steps: Number(option("--steps") ?? (small ? 2 : 10)),
    rounds: Number(option("--rounds") ?? (small ? 2 : 5)),
    impl: (option("--impl") ?? "chunked") as Options["impl"],
    checkpoint: args.includes("--checkpoint"),
    tune: args.includes("--tune"),
    small,
  };
  const known = PEAKS.find(([name]) => description.includes(name))?.[1];
  const peak = option("--peak") ? Number(option("--peak")) : known;
  const lines = ["what,shape,machine,versions,p20,p50,p80,peak bytes,date"];
  console.log(description);
  for (const [name, make] of [["GPT-2 124M", gpt2], ["BERT-base", bert]] as const) {
    if (!name.toLowerCase().includes((option("--only") ?? "").toLowerCase())) continue;
    const shape = `B=${options.batch} T=${options.time}${options.checkpoint ? " checkpoint" : ""}` +
      `${make === gpt2 ? ` loss ${options.impl}` : ""}`;
    const subjectName = small ? `${name}, small` : name;
    console.log(`\n${subjectName} ${shape}`);
    const subject = make(gpu, options);
    const found = await measure(gpu, subject, options);
    subject.model.dispose();
    gpu.trim();
    const [p20, p50, p80] = [0.2, 0.5, 0.8].map((q) => quantile(found.ms, q));
    const tokens = options.batch * options.time;
    const rate = subject.flops / p50 / 1e9;
    console.log(found.memory);
    console.log(
      [
        `step ${p50.toFixed(1)} ms (device ${found.deviceMs.toFixed(1)} ms)`,
        `${(1000 * tokens / p50).toFixed(0)} tokens/s`,
        `${(1000 * options.batch / p50).toFixed(1)} samples/s`,
        `peak ${formatBytes(found.peak)}`,
        `host ${(100 * found.hostMs / p50).toFixed(1)} %`,
        `${rate.toPrecision(3)} TFLOP/s${peak ? ` (${(100 * rate / peak).toFixed(0)} %)` : ""}`,
      ].join(" · "),
    );
    for (const { kernel, ms, count } of found.kernels) {
      const share = (100 * ms / found.kernelsMs).toFixed(1).padStart(5);
      console.log(`${ms.toFixed(3).padStart(9)} ms ${share} %  ${kernel} × ${count}`);
    }
    lines.push([
      ...[`${subjectName}, training step [ms]`, shape, description].map((text) => `"${text}"`),
      `deno ${Deno.version.deno}`,
      ...[p20, p50, p80].map((ms) => ms.toPrecision(4)),
      found.peak,
      new Date().toISOString().slice(0, 10),
    ].join(","));
  }
  if (args.includes("--save")) {
    const file = new URL("../../data/benchmarks/training.csv", import.meta.url);
    await Deno.writeTextFile(file, lines.join("\n") + "\n");
  }
}

function gpt2(gpu: Gpu, { batch, time, impl, checkpoint, small }: Options): Subject {
  const off = { embeddingDropout: 0, attentionDropout: 0, residualDropout: 0 };
  const size = small ? { vocabulary: 500, width: 64, heads: 2, layers: 12, positions: 64 } : {};
  const model = new Gpt2(gpu, { ...size, ...off });
  const { vocabulary, width, inner, layers } = model.config;
  const ids = gpu.tensor(randomTokens(batch * time, vocabulary), [batch, time]).keep();
  const weights = layers * (4 * width + 2 * inner) * width + vocabulary * width;
  const tokens = batch * time;
  // Causal attention: two products forward and five backward over half of the T × T matrix, by
  // custom counted without what is computed again.
  const attention = layers * 6 * 2 * tokens * time * width / 2;
  return {
    model,
    loss: () => model.loss({ ids }, { impl, checkpoint }),
    flops: 6 * tokens * weights + attention,
  };
}

function bert(gpu: Gpu, { batch, time, checkpoint, small }: Options): Subject {
  const off = { dropout: 0, attentionDropout: 0, classifierDropout: 0, classes: 15 };
  const size = small ? { vocabulary: 500, width: 64, heads: 2, layers: 12, positions: 64 } : {};
  const model = new Bert(gpu, { ...size, ...off });
  const { vocabulary, width, inner, layers } = model.config;
  const ids = gpu.tensor(randomTokens(batch * time, vocabulary), [batch, time]).keep();
  const labels = randomTokens(batch, 15);
  const tokens = batch * time;
  return {
    model,
    loss: () => model.loss({ ids, labels }, { checkpoint }),
    flops: 6 * tokens * layers * (4 * width + 2 * inner) * width +
      layers * 6 * 2 * tokens * time * width,
  };
}

async function measure(
  gpu: Gpu,
  { model, loss }: Subject,
  { batch, time, steps, rounds, checkpoint, tune }: Options,
) {
  using optimizer = new AdamW(model.weights, { learningRate: 1e-4, maxGradNorm: 1 });
  const step = () => {
    using value = loss();
    value.backward();
    optimizer.step();
    optimizer.zeroGrad();
  };
  if (tune) {
    const start = performance.now();
    const found = await tuneProducts(gpu, step);
    console.log(`tuned in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    for (const { subject, shapes, choice, ms } of found) {
      const times = Object.entries(ms).map(([name, each]) => `${name}: ${each.toFixed(3)} ms`);
      console.log(`${subject}, ${shapes}: ${choice} (${times.join("; ")})`);
    }
  }
  for (let i = 0; i < 3; i++) step();
  await gpu.sync();

  const ms: number[] = [];
  let host = 0;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    for (let i = 0; i < steps; i++) step();
    gpu.flush();
    host += performance.now() - start;
    await gpu.sync();
    ms.push((performance.now() - start) / steps);
  }
  const before = gpu.memory.live;
  const { peak } = gpu.memory.measure(step);
  await gpu.sync();
  const { ms: deviceMs } = await gpu.time(step);
  const { passes } = await gpu.time(step, { perKernel: true });
  const kernels = new Map<string, { kernel: string; ms: number; count: number }>();
  for (const { name, ms } of passes) {
    const sum = kernels.get(name) ?? { kernel: name, ms: 0, count: 0 };
    kernels.set(name, { kernel: name, ms: sum.ms + ms, count: sum.count + 1 });
  }
  const plan = planMemory(model, { batch, time, checkpoint });
  return {
    ms: ms.sort((a, b) => a - b),
    deviceMs,
    hostMs: host / rounds / steps,
    peak: before + peak,
    memory: `planned:\n${formatMemoryPlan(plan)}`,
    kernels: [...kernels.values()].sort((a, b) => b.ms - a.ms),
    kernelsMs: passes.reduce((sum, { ms }) => sum + ms, 0),
  };
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

/** Whole numbers below `end` that look random and are the same everywhere. */
function randomTokens(count: number, end: number): Int32Array<ArrayBuffer> {
  let state = 1;
  return Int32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * end);
  });
}

if (import.meta.main) await run(Deno.args);
