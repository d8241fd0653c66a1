/** Trainings that go wrong or are cut short: what is kept, and what is said. */
import { memoryFiles } from "../../lib/files/mod.ts";
import { DeviceLostError, OutOfMemoryError } from "../../lib/gpu/errors.ts";
import { Gpt2, type Gpt2Batch } from "../../lib/nn/gpt2.ts";
import type { ModelFiles } from "../../lib/nn/model_files.ts";
import { mul } from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { ShapeError } from "../../lib/tensor/shape.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { type CheckpointStore, readBest } from "../../lib/train/checkpoints.ts";
import { evaluate } from "../../lib/train/evaluate.ts";
import { generate } from "../../lib/train/generate.ts";
import { train, TrainingError } from "../../lib/train/train.ts";
import type { Trainable, TrainOptions } from "../../lib/train/train_options.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { countingData, sequences, TINY } from "./counting.ts";

const gpu = await Gpu.open();
const held = [{ ids: sequences.slice(80) }];

/** Checkpoints in memory. */
class MemoryStore implements CheckpointStore {
  readonly files = new Map<string, ModelFiles>();
  list = () => Promise.resolve([...this.files.keys()].sort());
  open = (name: string) => this.files.get(name)!;
  async write(name: string, fill: (files: ModelFiles) => Promise<void>) {
    const files = memoryFiles();
    await fill(files);
    this.files.set(name, files);
  }
  remove(name: string) {
    this.files.delete(name);
    return Promise.resolve();
  }
}

/** A training of eight steps that writes a checkpoint after each, with the given options. */
function run(model: Trainable<Gpt2Batch>, options: Partial<TrainOptions<Gpt2Batch>>) {
  return train<Gpt2Batch>({ model, data: countingData(), steps: 8, ...options });
}

/** The model's loss, times `factor` at one step. */
function spoiled(model: Gpt2, at: number, factor: Tensor): Trainable<Gpt2Batch>["loss"] {
  return (batch, options) => {
    if (options.training?.step !== at) return model.loss(batch, options);
    using loss = model.loss(batch, options);
    return mul(loss, factor);
  };
}

Deno.test("weights that a bad step has spoiled are never written over good ones", async () => {
  for (const [factor, what] of [[NaN, "loss of step 4 is NaN"], [1e30, "gradients of step 4"]]) {
    using model = new Gpt2(gpu, TINY);
    using by = gpu.full([], 0);
    gpu.write(by, new Float32Array([factor as number]));
    const store = new MemoryStore();
    const options = {
      checkpoints: { store, every: 1 },
      evaluate: { every: 1, data: held },
      loss: spoiled(model, 3, by),
    };
    await assertRejects(() => run(model, options), TrainingError, what as string);
    const names = await store.list();
    assertEquals(names.at(-1), "step-00000003");
    assert(names.every((name) => name.endsWith("3")), names.join());
    const { records } = await run(model, { checkpoints: { store, every: 1 } });
    assertEquals(records.map(({ step }) => step), [4, 5, 6, 7, 8], "it goes on from there");
  }
});

Deno.test("a first step that goes wrong is not laid to the learning rate", async () => {
  using factor = gpu.tensor([NaN], []);
  const store = new MemoryStore(), checkpoints = { store, every: 1 };
  const spoilt = "go on from the last checkpoint or from new weights, since these are spoilt.";
  const first = "and no step came before it; check inputs, labels and first weights, and " + spoilt;
  using model = new Gpt2(gpu, TINY);
  await run(model, { steps: 2, checkpoints });
  // Step 3 is the first after the checkpoint, step 4 is not.
  const messages: [number, string][] = [
    [2, `The loss of step 3 is NaN, ${first}`],
    [3, `The loss of step 4 is NaN; try a smaller learning rate or maxGradNorm, and ${spoilt}`],
  ];
  for (const [at, message] of messages) {
    const copy = new MemoryStore();
    for (const [name, files] of store.files) copy.files.set(name, files);
    const options = { loss: spoiled(model, at, factor), checkpoints: { store: copy, every: 1 } };
    const error = await assertRejects(() => run(model, options), TrainingError);
    assertEquals(error.message, message);
  }
});

Deno.test("an evaluation that is no number ends the training, too", async () => {
  using model = new Gpt2(gpu, TINY);
  using nothing = gpu.full([], 0);
  gpu.write(nothing, new Float32Array([NaN]));
  const store = new MemoryStore();
  const loss: Trainable<Gpt2Batch>["loss"] = (batch, options) => {
    if (options.training) return model.loss(batch, options);
    using loss = model.loss(batch, options);
    return mul(loss, nothing);
  };
  await assertRejects(
    () =>
      run(model, { loss, evaluate: { every: 2, data: held }, checkpoints: { store, every: 9 } }),
    TrainingError,
    "The evaluation's loss after step 2 is NaN",
  );
  assertEquals(await store.list(), []);
});

Deno.test("an evaluation of nothing is no loss of 0", async () => {
  using model = new Gpt2(gpu, TINY);
  const ids = sequences.slice(80), labels = ids.map((row) => row.map(() => -100));
  await assertRejects(() => evaluate(model, []), RangeError, "data has no batches");
  await assertRejects(() => evaluate(model, [{ ids, labels }]), RangeError, "no label that counts");
  const each: Trainable<Gpt2Batch>["loss"] = (batch) => model.loss(batch, { reduction: "none" });
  await assertRejects(
    () => evaluate(model, [{ ids }], each),
    ShapeError,
    "loss of batch 0 has 110 elements",
  );
  // Of many batches, read part by part, each label counts the same.
  const many = Array.from({ length: 70 }, (_, i) => ({ ids: [ids[i % 10].slice(0, 3 + i % 9)] }));
  const [found, expected] = [await evaluate(model, many), { sum: 0, count: 0 }];
  for (const batch of many) {
    const { targets } = model.measure(batch);
    expected.sum += targets * await evaluate(model, [batch]);
    expected.count += targets;
  }
  assert(Math.abs(found - expected.sum / expected.count) < 1e-9, `${found}`);
});

Deno.test("a training that is told to stop writes a checkpoint of its last step", async () => {
  using model = new Gpt2(gpu, TINY);
  const store = new MemoryStore(), stop = new AbortController();
  const { ended, records } = await run(model, {
    steps: 400,
    signal: stop.signal,
    checkpoints: { store, every: 1000 },
    onProgress: ({ step }) => step >= 2 ? stop.abort() : undefined,
  });
  assertEquals(ended, "signal");
  assertEquals(await store.list(), [`step-${String(records.length).padStart(8, "0")}`]);
});

Deno.test("going back to a checkpoint finds the model that was best then", async () => {
  using model = new Gpt2(gpu, TINY, { seed: 5 });
  const store = new MemoryStore();
  let taken = 0;
  const data = {
    ...countingData(),
    position: 0,
    next() {
      if (taken++ === 5) throw new Error("cut off");
      return countingData().next();
    },
  };
  const options = {
    data,
    optimizer: { learningRate: 0.01 },
    evaluate: { every: 1, data: held },
    checkpoints: { store, every: 3 },
  };
  await assertRejects(() => run(model, options), Error, "cut off");
  // Evaluations after steps 4 and 5 were better, but the checkpoint does not know of them.
  assertEquals(await store.list(), ["best-00000003", "best-00000005", "step-00000003"]);
  const { best } = await run(model, { ...options, steps: 3 });
  assertEquals(best!.step, 3);
  assertEquals(await readBest(store, model), best);
});

Deno.test("another seed than the checkpoint's is refused, and the model keeps its weights", async () => {
  using first = new Gpt2(gpu, TINY, { seed: 1 });
  const store = new MemoryStore(), checkpoints = { store, every: 4 };
  const options = { checkpoints, evaluate: { every: 2, data: held } };
  await run(first, { ...options, seed: 8 });
  const names = await store.list();
  using second = new Gpt2(gpu, TINY, { seed: 2 });
  const before = await second.weights.read();
  const error = await assertRejects(() => run(second, { ...options, seed: 9 }), TrainingError);
  assertEquals(
    error.message,
    "The checkpoint was made with the seed 8, not 9; start with that seed, or give another store.",
  );
  assertEquals(await second.weights.read(), before);
  assertEquals(await store.list(), names);
});

Deno.test("counts that are none are refused by name before anything is done", async () => {
  using model = new Gpt2(gpu, TINY);
  const store = new MemoryStore();
  const wrong: [Partial<TrainOptions<Gpt2Batch>>, string][] = [
    [{ steps: 0 }, "steps is 0"],
    [{ accumulate: 1.5 }, "accumulate is 1.5"],
    [{ seed: NaN }, "seed is NaN"],
    [{ evaluate: { every: 0, data: held } }, "evaluate.every is 0"],
    [{ evaluate: { every: 1, data: held, patience: 0 } }, "evaluate.patience is 0"],
    [{ evaluate: { every: 1, data: held, minimumGain: NaN } }, "evaluate.minimumGain is NaN"],
    [{ evaluate: { every: 1, data: [] } }, "evaluate.data is empty"],
    [{ schedule: { decay: "cosin" as "cosine" } }, 'decay is "cosin"'],
    [{ checkpoints: { store, every: -1 } }, "checkpoints.every is -1"],
    [{ checkpoints: { store, every: 1, keep: 0 } }, "checkpoints.keep is 0"],
  ];
  for (const [options, message] of wrong) {
    await assertRejects(() => run(model, options), RangeError, message);
  }
});

Deno.test("a batch that does not fit leaves a device that goes on with smaller ones", async () => {
  using small = await Gpu.open({ memoryLimit: 3 << 20 });
  using model = new Gpt2(small, TINY);
  const before = small.memory.live;
  const ids = Array.from({ length: 2000 }, () => Int32Array.from({ length: 16 }, (_, t) => t));
  await assertRejects(
    () => run(model, { data: { position: 0, next: () => ({ ids }) } }),
    OutOfMemoryError,
    "of the memory limit of",
  );
  const { records } = await run(model, {});
  assertEquals(records.length, 8);
  // Weights and gradients.
  assertEquals(small.memory.live, before + model.weights.bytes);
});

Deno.test("a device that is lost ends the training with that error", async () => {
  using lost = await Gpu.open();
  using model = new Gpt2(lost, TINY);
  await assertRejects(
    () => run(model, { steps: 400, onProgress: () => lost.raw.destroy() }),
    DeviceLostError,
    "The GPU device is gone",
  );
});

Deno.test("text is generated and models are evaluated while another is trained", async () => {
  using alone = new Gpt2(gpu, TINY, { seed: 6 });
  using beside = new Gpt2(gpu, TINY, { seed: 6 });
  using other = new Gpt2(gpu, TINY, { seed: 7 });
  const options = { evaluate: { every: 2, data: held } };
  const prompt = [[1, 2, 3]], length = { maxNewTokens: 8 };
  const [losses, text] = [await run(alone, options), await generate(other, prompt, length)];
  const together = await Promise.all([run(beside, options), generate(other, prompt, length)]);
  assertEquals(together[0].records, losses.records);
  assertEquals(together[0].evaluations, losses.evaluations);
  assertEquals(together[1], text);
});
