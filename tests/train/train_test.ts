import { checkpointDir } from "../../lib/hub/checkpoint_dir.ts";
import { Gpt2, type Gpt2Batch } from "../../lib/nn/gpt2.ts";
import { mul } from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { readBest } from "../../lib/train/checkpoints.ts";
import { evaluate } from "../../lib/train/evaluate.ts";
import { formatMemoryPlan } from "../../lib/train/memory_plan.ts";
import { train, TrainingError } from "../../lib/train/train.ts";
import type { TrainProgress } from "../../lib/train/train_options.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { assertClose } from "../nn/fixtures.ts";
import { countingData, sequences, TINY } from "./counting.ts";
import { resumableOptions } from "./resumable_run.ts";

const gpu = await Gpu.open();
const held = [{ ids: sequences.slice(80) }];

Deno.test("a tiny GPT-2 learns to count; losses, rates and memory are told on the way", async () => {
  const before = gpu.memory.live;
  {
    using model = new Gpt2(gpu, { ...TINY, residualDropout: 0, embeddingDropout: 0 }, { seed: 1 });
    const told: TrainProgress[] = [];
    let planned = "";
    const { records, best, ended, plan, hostShare } = await train({
      model,
      data: countingData(),
      steps: 60,
      optimizer: { learningRate: 0.02, maxGradNorm: 1, weightDecay: 0.01 },
      schedule: { warmupSteps: 5, decay: "cosine" },
      evaluate: { every: 30, data: held },
      onPlan: (plan) => void (planned = formatMemoryPlan(plan)),
      onProgress: (progress) => void told.push(progress),
    });
    assertEquals(records.map(({ step }) => step), Array.from({ length: 60 }, (_, i) => i + 1));
    assertEquals(told.flatMap(({ records }) => records), records);
    assert(
      records[0].loss > 3.4 && records[59].loss < 1,
      `${records[0].loss}, ${records[59].loss}`,
    );
    assert(told.length < 40, `${told.length} reads for 60 steps`);
    const last = told.at(-1)!;
    assertEquals([last.step, last.steps, last.evaluation], [60, 60, best]);
    assert(last.tokensPerSecond > 0 && last.secondsLeft === 0 && hostShare > 0 && hostShare <= 1);
    assertEquals(ended, "steps");
    assertEquals(plan!.optimizer, 2 * model.weights.bytes);
    assert(/^weights +[\d.]+ \wiB\n/.test(planned), planned);
    assertClose([await evaluate(model, held)], [best!.loss], "evaluation", 0);
  }
  assertEquals(gpu.memory.live, before, "memory is still in use");
});

Deno.test("the plan of memory is close to what the ledger counts", async () => {
  const config = { vocabulary: 600, positions: 64, width: 64, layers: 3, heads: 2 };
  const ids = Array.from(
    { length: 4 },
    (_, b) => Int32Array.from({ length: 64 }, (_, t) => (b * 151 + t * 7) % 600),
  );
  const data = { next: () => ({ ids }), position: 0 };
  for (const checkpoint of [false, true]) {
    using model = new Gpt2(gpu, { ...config, residualDropout: 0, embeddingDropout: 0 });
    const start = gpu.memory.live - model.weights.bytes;
    const { result, peak } = await gpu.memory.measure(() =>
      train({ model, data, steps: 2, checkpoint })
    );
    const found = peak + model.weights.bytes;
    const { total } = result.plan!;
    assertEquals(start, gpu.memory.live - model.weights.bytes * 2, "only gradients stay");
    assert(Math.abs(found / total - 1) < 0.25, `planned ${total}, found ${found}, ${checkpoint}`);
  }
});

Deno.test("every step finds the buffers and bind groups of the step before", async () => {
  using alone = await Gpu.open();
  using model = new Gpt2(alone, TINY);
  const made: Record<string, number[]> = { createBuffer: [], createBindGroup: [] };
  for (const name of ["createBuffer", "createBindGroup"] as const) {
    const create = alone.raw[name].bind(alone.raw) as (descriptor: unknown) => never;
    alone.raw[name] = (descriptor: { label?: string }) => {
      // How often losses are read depends on the clock.
      if (descriptor.label !== "staging") made[name][made[name].length - 1]++;
      return create(descriptor);
    };
  }
  await train({
    model,
    data: {
      position: 0,
      next() {
        for (const counts of Object.values(made)) counts.push(0);
        return { ids: sequences.slice(0, 8) };
      },
    },
    steps: 6,
    optimizer: { maxGradNorm: 1 },
  });
  // The first step's gradients are written in other places than later ones'.
  assert(made.createBindGroup[0] > 50, `${made.createBindGroup}`);
  assertEquals(made.createBindGroup.slice(2), [0, 0, 0, 0]);
  assertEquals(made.createBuffer.slice(2), [0, 0, 0, 0]);
});

Deno.test("two batches a step are one of twice the size, whatever their labels", async () => {
  const ids = sequences.slice(0, 8);
  const labels = ids.map((row, i) => row.map((id, t) => t > i + 1 ? id : -100));
  const parts: Gpt2Batch[] = [
    { ids: ids.slice(0, 4), labels: labels.slice(0, 4) },
    { ids: ids.slice(4), labels: labels.slice(4) },
  ];
  const losses = async (batches: Gpt2Batch[]) => {
    let at = 0;
    using model = new Gpt2(gpu, {
      ...TINY,
      residualDropout: 0,
      embeddingDropout: 0,
      attentionDropout: 0,
    });
    const { records } = await train({
      model,
      data: { next: () => batches[at++ % batches.length], position: 0 },
      steps: 5,
      accumulate: batches.length,
      optimizer: { learningRate: 0.01 },
    });
    return records.map(({ loss }) => loss);
  };
  assertClose(await losses(parts), await losses([{ ids, labels }]), "loss", 1e-5);
});

Deno.test("training stops early without gain, when asked to, and keeps the best model", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const store = checkpointDir(directory);
    using model = new Gpt2(gpu, TINY, { seed: 3 });
    const { ended, evaluations, best } = await train({
      model,
      data: countingData(8), // too few: it will overfit
      steps: 400,
      optimizer: { learningRate: 0.02 },
      schedule: { decay: "constant" },
      evaluate: { every: 4, data: held, patience: 2 },
      checkpoints: { store, every: 1000 },
    });
    assertEquals(ended, "patience");
    assert(best!.loss < evaluations.at(-1)!.loss && evaluations.length < 100);
    assertEquals(evaluations.at(-3), best);
    assertEquals((await store.list()).length, 2);
    assertEquals(await readBest(store, model), best);
    assertClose([await evaluate(model, held)], [best!.loss], "loss of the best model", 0);

    // Started again, it sees that it had stopped; without resume it does not mix two trainings.
    const again = (resume: boolean) =>
      train({
        model,
        data: countingData(8),
        steps: 400,
        evaluate: { every: 4, data: held, patience: 2 },
        checkpoints: { store, every: 1000, resume },
      });
    const { records, ended: endedAgain, evaluations: same } = await again(true);
    assertEquals([records.length, endedAgain], [0, "patience"]);
    assertEquals(same, evaluations);
    await assertRejects(() => again(false), TrainingError, "the store holds an earlier training");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  using model = new Gpt2(gpu, TINY);
  const stop = new AbortController();
  const { records, ended } = await train({
    model,
    data: countingData(),
    steps: 400,
    signal: stop.signal,
    onProgress: ({ step }) => step >= 3 ? stop.abort() : undefined,
  });
  assertEquals(ended, "signal");
  assert(records.length >= 3 && records.length < 40);
});

Deno.test("a loss that is no number ends the training with its step", async () => {
  using model = new Gpt2(gpu, TINY);
  using huge = gpu.full([], 3e38);
  let calls = 0;
  await assertRejects(
    () =>
      train({
        model,
        data: countingData(),
        steps: 30,
        loss: (batch, options) => {
          if (++calls < 3) return model.loss(batch, options);
          using loss = model.loss(batch, options);
          return mul(loss, huge);
        },
      }),
    TrainingError,
    "The loss of step 3 is Infinity",
  );
});

Deno.test("a run that was killed goes on with the losses of one that was not, bit for bit", async () => {
  const expected = new Map<string, string>();
  using model = new Gpt2(gpu, TINY, { seed: 2 });
  await train({
    ...resumableOptions(),
    model,
    onProgress: ({ records, evaluation }) => {
      for (const { step, loss, gradNorm } of records) {
        expected.set(`step ${step}`, `${loss} ${gradNorm}`);
      }
      if (evaluation) expected.set(`evaluation ${evaluation.step}`, String(evaluation.loss));
    },
  });
  assertEquals(expected.size, 28);

  const directory = await Deno.makeTempDir();
  const script = new URL("resumable_run.ts", import.meta.url).pathname;
  /** Reads lines of losses and checks them; kills the child when it has told step `last`. */
  const follow = async (...last: string[]) => {
    const seen: string[] = [];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, directory, ...last],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const [kind, step, ...values] = line.split(" ");
        seen.push(`${kind} ${step}`);
        assertEquals(values.join(" "), expected.get(`${kind} ${step}`), line);
      }
      if (seen.includes(`step ${last}`)) child.kill("SIGKILL");
    }
    await child.status;
    return seen;
  };
  try {
    const first = await follow("12");
    assertEquals(first.filter((line) => line.startsWith("step")).at(-1), "step 12");
    await Deno.mkdir(`${directory}/.unfinished-step-00000099`); // killed while writing
    const second = await follow();
    assert(!second.includes("step 5") && second.includes("step 12"), second.join());
    assertEquals(second.slice(-2), ["step 24", "evaluation 24"]);
    assertEquals((await checkpointDir(directory).list()).length, 2);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
