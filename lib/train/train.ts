import type { Model } from "../nn/model.ts";
import { tuneProducts } from "../tensor/tune_products.ts";
import { AdamW } from "./adamw.ts";
import {
  type Evaluation,
  readCheckpoint,
  type TrainingState,
  writeBest,
  writeCheckpoint,
} from "./checkpoints.ts";
import { evaluate } from "./evaluate.ts";
import { LossLog, type StepRecord } from "./loss_log.ts";
import { type MemoryPlan, planMemory } from "./memory_plan.ts";
import { Pace } from "./pace.ts";
import { schedule } from "./schedule.ts";
import {
  checkOptions,
  type CheckpointOptions,
  type TrainOptions,
  type TrainResult,
} from "./train_options.ts";

/** A training cannot go on; the message says at which step and why. */
export class TrainingError extends Error {
  override name = "TrainingError";
}

/** Steps between two reads of losses, at most. */
const MOST_WAITING = 64;

/**
 * Trains a model with AdamW.
 *
 * The host never waits for single steps: losses are read about once a second. A run that is killed
 * and started again with the same options goes on from its last checkpoint and has, on the same
 * adapter, the losses of a run that was not, bit for bit.
 *
 * ```ts
 * import { Gpt2, Gpu, train } from "cutloss";
 * using gpu = await Gpu.open();
 * using model = new Gpt2(gpu, { vocabulary: 9, positions: 8, width: 8, layers: 1, heads: 1 });
 * const { records } = await train({
 *   model,
 *   data: { position: 0, next: () => ({ ids: [[1, 2, 3, 4, 5, 6, 7, 8]] }) },
 *   steps: 4,
 *   optimizer: { learningRate: 0.01, weightDecay: 0.1, maxGradNorm: 1 },
 *   schedule: { warmupSteps: 1, decay: "cosine" },
 *   onProgress: ({ step, loss }) => console.log(step, loss),
 * });
 * ```
 *
 * @throws {TrainingError} if a loss or a gradient is no finite number: no checkpoint is written then, and
 *   the model's weights cannot be used any more, but another call with the same store goes on from the
 *   last checkpoint, and `readBest` reads the best model; and if the store's checkpoints are not those of
 *   this training (another seed, or `resume: false`).
 * @throws {RangeError} naming an option that is out of its range.
 * @throws {TypeError} naming an option of the optimiser that there is not.
 */
export async function train<Batch>(options: TrainOptions<Batch>): Promise<TrainResult> {
  checkOptions(options);
  const { model, data, steps, accumulate = 1, checkpoint = false, seed = 0, checkpoints } = options;
  const { gpu } = model;
  const loss = options.loss ?? ((batch, passing) => model.loss(batch, passing));
  using optimizer = new AdamW(model.weights, options.optimizer);
  optimizer.zeroGrad();
  const base = optimizer.learningRate, factor = schedule(steps, options.schedule);
  using log = new LossLog(gpu, accumulate, MOST_WAITING);
  const records: StepRecord[] = [];
  let evaluations: Evaluation[] = [], step = 0, plan: MemoryPlan | undefined;

  const state = checkpoints && await resume(checkpoints, model, optimizer, seed);
  if (state) {
    ({ step, evaluations } = state);
    data.position = state.position;
  }
  const start = step;
  let saved = step, told = 0;
  const pace = new Pace(steps - step);

  /** Reads the losses that are on the device. */
  const read = async () => {
    for (const record of await log.read()) {
      const isFirst = record.step === start + 1;
      checkFinite(record.loss, `loss of step ${record.step}`, isFirst);
      checkFinite(record.gradNorm, `norm of the gradients of step ${record.step}`, isFirst);
      records.push(record);
    }
    pace.read();
  };

  /** Reads them and tells the caller. */
  const report = async (evaluation?: Evaluation) => {
    await read();
    const { tokensPerSecond, secondsLeft, hostShare } = pace;
    await options.onProgress?.({
      step,
      steps,
      loss: records.at(-1)?.loss ?? NaN,
      records: records.slice(told),
      tokensPerSecond,
      secondsLeft,
      hostShare,
      ...(evaluation ? { evaluation } : {}),
    });
    told = records.length;
  };

  /** One step of the optimiser; nothing is waited for. */
  const advance = (batches: readonly Batch[]) => {
    const sizes = batches.map((batch) => model.measure(batch));
    const targets = sizes.reduce((sum, size) => sum + size.targets, 0);
    // Every label counts the same, whichever batch it is in: the loss is the mean over all of them.
    const shares = accumulate === 1
      ? [1]
      : sizes.map((size) => size.targets / Math.max(1, targets));
    batches.forEach((batch, part) => {
      const training = { seed, step: step * accumulate + part };
      using value = loss(batch, { training, checkpoint });
      if (accumulate === 1) value.backward();
      else {
        using share = gpu.full([], shares[part], { label: "share of a loss" });
        value.backward(share);
      }
      log.add(value);
    });
    const learningRate = optimizer.learningRate = base * factor(step);
    optimizer.step();
    optimizer.zeroGrad();
    log.finish(optimizer.gradNorm, { step: ++step, learningRate, shares });
    gpu.flush();
    return sizes.reduce((sum, { batch, time }) => sum + batch * time, 0);
  };

  /** Sees a batch through both passes, whose gradients are thrown away. */
  const tune = async (batch: Batch) => {
    await pace.outside(() =>
      tuneProducts(gpu, () => {
        using value = loss(batch, { training: { seed, step: step * accumulate }, checkpoint });
        value.backward();
      })
    );
    optimizer.zeroGrad();
  };

  /** Evaluates the model, tells the caller, and keeps it if it is the best so far. */
  const assess = async (data: readonly Batch[]) => {
    await read(); // a step that went wrong is named before what follows from it
    const found = { step, loss: await pace.outside(() => evaluate(model, data, loss)) };
    checkFinite(found.loss, `evaluation's loss after step ${step}`);
    const best = bestOf(evaluations);
    evaluations.push(found);
    await report(found);
    if (checkpoints && (!best || found.loss < best.loss)) {
      await pace.outside(() => writeBest(checkpoints.store, model, found));
    }
  };

  /** Writes a checkpoint, once the losses say that the weights are worth it. */
  const save = async () => {
    if (log.waiting > 0) await report();
    if (!checkpoints || saved === step) return;
    const state = { step, seed, position: data.position, evaluations };
    const { store, keep = 1 } = checkpoints;
    await pace.outside(() => writeCheckpoint(store, model, optimizer, state, keep));
    saved = step;
  };

  const isStale = () => {
    const { patience = Infinity, minimumGain = 0 } = options.evaluate ?? {};
    return stale(evaluations, minimumGain) >= patience;
  };
  let first = true;
  let ended: TrainResult["ended"] = isStale() ? "patience" : "steps";
  while (step < steps && ended === "steps") {
    if (options.signal?.aborted) {
      ended = "signal";
      break;
    }
    const batches: Batch[] = [];
    while (batches.length < accumulate) batches.push(await data.next());
    if (first) {
      first = false;
      if (model.activationBytes) {
        plan = planMemory(model, { ...model.measure(batches[0]), checkpoint });
        await options.onPlan?.(plan);
      }
      if (options.tune) await tune(batches[0]);
    }
    pace.step(() => advance(batches));
    if (options.evaluate && (step === steps || step % options.evaluate.every === 0)) {
      await assess(options.evaluate.data);
      if (isStale()) ended = "patience";
    } else if (log.waiting >= Math.min(MOST_WAITING, pace.stepsPerRead)) {
      await report();
    }
    if (checkpoints && step % checkpoints.every === 0) await save();
  }
  await save();
  const { seconds, tokensPerSecond, hostShare } = pace;
  return {
    records,
    evaluations,
    best: bestOf(evaluations),
    ended,
    seconds,
    tokensPerSecond,
    hostShare,
    plan,
    peakMemory: gpu.memory.peak,
  };
}

/** Goes back to the last checkpoint, if there is one and that is wanted. */
async function resume(
  { store, resume = true }: CheckpointOptions,
  model: Model,
  optimizer: AdamW,
  seed: number,
): Promise<TrainingState | undefined> {
  if (!resume) {
    const present = await store.list();
    if (present.length === 0) return undefined;
    throw new TrainingError(
      `resume is false, but the store holds an earlier training (${present.join(", ")}); remove ` +
        `it, or give another store.`,
    );
  }
  return await readCheckpoint(store, model, optimizer, (state) => {
    if (state.seed === seed) return;
    throw new TrainingError(
      `The checkpoint was made with the seed ${state.seed}, not ${seed}; start with that seed, or ` +
        `give another store.`,
    );
  });
}

/**
 * Nothing good comes after a number that is none: no more steps, no checkpoint, no best model.
 *
 * @param isFirst whether no step was made before: then none can have been too large.
 */
function checkFinite(value: number, what: string, isFirst = false): void {
  if (Number.isFinite(value)) return;
  throw new TrainingError(
    `The ${what} is ${value}${
      isFirst
        ? ", and no step came before it; check inputs, labels and first weights"
        : "; try a smaller learning rate or maxGradNorm"
    }, and go on from the last checkpoint or from new weights, since these are spoilt.`,
  );
}

/** The evaluation with the smallest loss, the first of equals. */
function bestOf(evaluations: readonly Evaluation[]): Evaluation | undefined {
  return evaluations.reduce<Evaluation | undefined>(
    (best, found) => !best || found.loss < best.loss ? found : best,
    undefined,
  );
}

/** Evaluations since the last one whose loss was smaller than all before by the gain. */
function stale(evaluations: readonly Evaluation[], gain: number): number {
  let best = Infinity, since = 0;
  for (const { loss } of evaluations) {
    if (loss < best - gain) [best, since] = [loss, 0];
    else since++;
  }
  return since;
}
