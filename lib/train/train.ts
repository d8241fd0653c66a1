import type { BatchSize, Model } from "../nn/model.ts";
import type { TrainingStep } from "../nn/random_sites.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { tuneProducts } from "../tensor/tune_products.ts";
import { AdamW, type AdamWOptions } from "./adamw.ts";
import {
  type CheckpointStore,
  type Evaluation,
  readCheckpoint,
  writeBest,
  writeCheckpoint,
} from "./checkpoints.ts";
import { evaluate } from "./evaluate.ts";
import { LossLog, type StepRecord } from "./loss_log.ts";
import { type MemoryPlan, planMemory } from "./memory_plan.ts";
import { Pace } from "./pace.ts";
import { schedule, type ScheduleOptions } from "./schedule.ts";

/** A model with a loss; what {@linkcode train} trains. */
export type Trainable<Batch> = Model & {
  loss(batch: Batch, options: { training?: TrainingStep; checkpoint?: boolean }): Tensor;
  measure(batch: Batch): BatchSize;
};

/** Batches without end, at a position that can be left and returned to. */
export interface BatchSource<Batch> {
  next(): Batch | Promise<Batch>;
  /** Where the next batch comes from: something that JSON can hold. Setting it goes there. */
  position: unknown;
}

/** How the model is evaluated while it is trained. */
export interface EvaluateOptions<Batch> {
  /** Steps between two evaluations; there is one at the end, too. */
  every: number;
  data: readonly Batch[];
  /** Evaluations without a smaller loss after which training stops (default: never). */
  patience?: number;
  /** How much smaller a loss must be to count as smaller (default 0). */
  minimumGain?: number;
}

/** How checkpoints are kept. */
export interface CheckpointOptions {
  store: CheckpointStore;
  /** Steps between two checkpoints; there is one at the end, too. */
  every: number;
  /** Checkpoints that are kept besides the best model (default 1). */
  keep?: number;
  /** Whether to go on from the last checkpoint, if there is one; false wants an empty store. */
  resume?: boolean;
}

/** Options of {@linkcode train}. */
export interface TrainOptions<Batch> {
  model: Trainable<Batch>;
  data: BatchSource<Batch>;
  /** Steps of the optimiser in all, those before a checkpoint included. */
  steps: number;
  optimizer?: AdamWOptions;
  schedule?: ScheduleOptions;
  /** Batches that make up one step (default 1): their gradients add up. */
  accumulate?: number;
  /** Computes activations of blocks again on the way back instead of storing them. */
  checkpoint?: boolean;
  /**
   * Whether the tiles of the products are measured before the first step, which takes some seconds on
   * an adapter for the first time and changes no result; see `tuneProducts` (default false).
   */
  tune?: boolean;
  /** For dropout (default 0). */
  seed?: number;
  /** The loss of a batch (default `model.loss`), for instance with another `impl`. */
  loss?: Trainable<Batch>["loss"];
  evaluate?: EvaluateOptions<Batch>;
  checkpoints?: CheckpointOptions;
  /** Called before the first step. */
  onPlan?: (plan: MemoryPlan) => void | Promise<void>;
  /** Called about once a second, and after each evaluation. */
  onProgress?: (progress: TrainProgress) => void | Promise<void>;
  /** Stops training after the step that is being made. */
  signal?: AbortSignal;
}

/** How far a training is. */
export interface TrainProgress {
  /** Steps made, of how many. */
  step: number;
  steps: number;
  /** Loss of the last step that was read. */
  loss: number;
  /** Steps that were read since the last call, oldest first. */
  records: readonly StepRecord[];
  tokensPerSecond: number;
  /** Estimate of the time to the end. */
  secondsLeft: number;
  /** Share of the time in which the host recorded work instead of waiting for the device. */
  hostShare: number;
  /** Present when the model has just been evaluated. */
  evaluation?: Evaluation;
}

/** What a training came to. */
export interface TrainResult {
  records: StepRecord[];
  evaluations: Evaluation[];
  /** The evaluation with the smallest loss. */
  best: Evaluation | undefined;
  /** Why it ended. */
  ended: "steps" | "patience" | "signal";
  seconds: number;
  tokensPerSecond: number;
  hostShare: number;
  plan: MemoryPlan | undefined;
  /** Most bytes in use on the device at once. */
  peakMemory: number;
}

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
 * @throws {TrainingError} if a loss is no finite number.
 */
export async function train<Batch>(options: TrainOptions<Batch>): Promise<TrainResult> {
  const { model, data, steps, accumulate = 1, checkpoint = false, seed = 0 } = options;
  for (const [name, value] of Object.entries({ steps, accumulate })) {
    if (!(Number.isSafeInteger(value) && value >= 1)) {
      throw new RangeError(`train(): ${name} is ${value}; expected a whole number of at least 1.`);
    }
  }
  const { gpu } = model;
  const loss = options.loss ?? ((batch, passing) => model.loss(batch, passing));
  const { checkpoints } = options;
  using optimizer = new AdamW(model.weights, options.optimizer);
  optimizer.zeroGrad();
  const base = optimizer.learningRate, factor = schedule(steps, options.schedule);
  using log = new LossLog(gpu, accumulate, MOST_WAITING);
  const records: StepRecord[] = [];
  let evaluations: Evaluation[] = [], step = 0, plan: MemoryPlan | undefined;

  if (checkpoints && checkpoints.resume === false) {
    const present = await checkpoints.store.list();
    if (present.length > 0) {
      throw new TrainingError(
        `resume is false, but the store holds an earlier training (${
          present.join(", ")
        }); remove ` +
          `it, or give another store.`,
      );
    }
  } else if (checkpoints) {
    const state = await readCheckpoint(checkpoints.store, model, optimizer);
    if (state && state.seed !== seed) {
      throw new TrainingError(
        `The checkpoint was made with the seed ${state.seed}, not ${seed}; start with that seed, or ` +
          `with resume: false.`,
      );
    }
    if (state) {
      ({ step, evaluations } = state);
      data.position = state.position;
    }
  }
  const pace = new Pace(steps - step);

  /** Reads the losses that are on the device and tells the caller. */
  const report = async (evaluation?: Evaluation) => {
    const fresh = await log.read();
    for (const record of fresh) {
      if (!Number.isFinite(record.loss)) {
        throw new TrainingError(
          `The loss of step ${record.step} is ${record.loss}; try a smaller learning rate or ` +
            `maxGradNorm.`,
        );
      }
    }
    records.push(...fresh);
    pace.read();
    const { tokensPerSecond, secondsLeft, hostShare } = pace;
    await options.onProgress?.({
      step,
      steps,
      loss: records.at(-1)?.loss ?? NaN,
      records: fresh,
      tokensPerSecond,
      secondsLeft,
      hostShare,
      ...(evaluation ? { evaluation } : {}),
    });
  };

  /** One step of the optimiser; nothing is waited for. */
  const advance = (batches: readonly Batch[]) => {
    const sizes = batches.map((batch) => model.measure(batch));
    const targets = sizes.reduce((sum, size) => sum + size.targets, 0);
    const shares = sizes.map((size) => size.targets / Math.max(1, targets));
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
    optimizer.learningRate = base * factor(step);
    optimizer.step();
    optimizer.zeroGrad();
    step++;
    const { learningRate } = optimizer;
    log.finish(optimizer.gradNorm, {
      step,
      learningRate,
      shares: accumulate === 1 ? [1] : shares,
    });
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

  const isStale = () => {
    const { patience = Infinity, minimumGain = 0 } = options.evaluate ?? {};
    return stale(evaluations, minimumGain) >= patience;
  };
  let ended: TrainResult["ended"] = isStale() ? "patience" : "steps";
  while (step < steps && ended === "steps") {
    if (options.signal?.aborted) {
      ended = "signal";
      break;
    }
    const batches: Batch[] = [];
    while (batches.length < accumulate) batches.push(await data.next());
    if (!plan) {
      plan = planMemory(model, { ...model.measure(batches[0]), checkpoint });
      await options.onPlan?.(plan);
      if (options.tune) await tune(batches[0]);
    }
    pace.step(() => advance(batches));
    const last = step === steps;
    if (options.evaluate && (last || step % options.evaluate.every === 0)) {
      const found = {
        step,
        loss: await pace.outside(() => evaluate(model, options.evaluate!.data, loss)),
      };
      const best = bestOf(evaluations);
      evaluations.push(found);
      if (checkpoints && (!best || found.loss < best.loss)) {
        await pace.outside(() => writeBest(checkpoints.store, model, found));
      }
      await report(found);
      if (isStale()) ended = "patience";
    } else if (log.waiting >= Math.min(MOST_WAITING, pace.stepsPerRead) || last) {
      await report();
    }
    if (checkpoints && (last || ended !== "steps" || step % checkpoints.every === 0)) {
      const state = { step, seed, position: data.position, evaluations };
      const { store, keep = 1 } = checkpoints;
      await pace.outside(() => writeCheckpoint(store, model, optimizer, state, keep));
    }
  }
  if (log.waiting > 0) await report();
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
