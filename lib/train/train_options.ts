/** What a training is given, and what it tells. */
import type { BatchSize, Model } from "../nn/model.ts";
import type { TrainingStep } from "../nn/random_sites.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AdamWOptions } from "./adamw.ts";
import type { CheckpointStore, Evaluation } from "./checkpoints.ts";
import type { StepRecord } from "./loss_log.ts";
import type { MemoryPlan } from "./memory_plan.ts";
import type { ScheduleOptions } from "./schedule.ts";

/** A model with a loss; what {@linkcode train} trains. */
export type Trainable<Batch> = Model & {
  loss(batch: Batch, options: { training?: TrainingStep; checkpoint?: boolean }): Tensor;
  // What it reads of a batch may be less than a batch: what a batch is, `loss` says.
  measure(batch: NoInfer<Batch>): BatchSize;
};

/** Batches without end, at a position that can be left and returned to. */
export interface BatchSource<Batch> {
  next(): Batch | Promise<Batch>;
  /** Where the next batch comes from: something that JSON can hold. Setting it goes there. */
  position: unknown;
}

/** How the model is evaluated while it is trained. */
export interface EvaluateOptions<Batch> {
  /** Steps between two evaluations; there is one after the last of `steps`, too. */
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
  /** Steps between two checkpoints; there is one at the end, too, however it comes. */
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
  /**
   * Batches that make up one step (default 1). Each label counts the same, whichever batch it is in, as
   * in transformers since 4.46.
   */
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
  /**
   * The loss of a batch, a scalar: the mean over its labels (default `model.loss`); for instance with
   * another `impl`.
   */
  loss?: Trainable<Batch>["loss"];
  evaluate?: EvaluateOptions<Batch>;
  checkpoints?: CheckpointOptions;
  /** Called before the first step, if the model knows how large its activations are. */
  onPlan?: (plan: MemoryPlan) => void | Promise<void>;
  /** Called about once a second, after each evaluation, and before a checkpoint is written. */
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
  /** The steps of this call, without those before the checkpoint that it went on from. */
  records: StepRecord[];
  /** All evaluations, those before that checkpoint included. */
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

/** Throws unless counts are whole and positive, and all else can be used; the message names the option. */
export function checkOptions<Batch>(options: TrainOptions<Batch>): void {
  const { steps, accumulate = 1, seed = 0, evaluate, checkpoints } = options;
  const counts = {
    steps,
    accumulate,
    ...(evaluate ? { "evaluate.every": evaluate.every } : {}),
    ...(evaluate?.patience !== undefined ? { "evaluate.patience": evaluate.patience } : {}),
    ...(checkpoints ? { "checkpoints.every": checkpoints.every } : {}),
    ...(checkpoints?.keep !== undefined ? { "checkpoints.keep": checkpoints.keep } : {}),
  };
  for (const [name, value] of Object.entries(counts)) {
    if (value === Infinity && name !== "steps" && name !== "accumulate") continue;
    if (!(Number.isSafeInteger(value) && value >= 1)) {
      throw new RangeError(`train(): ${name} is ${value}; expected a whole number of at least 1.`);
    }
  }
  if (!(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new RangeError(`train(): seed is ${seed}; expected a whole number from 0 to 2^53 - 1.`);
  }
  if (!evaluate) return;
  if (evaluate.data.length === 0) {
    throw new RangeError("train(): evaluate.data is empty; expected at least one batch.");
  }
  const { minimumGain = 0 } = evaluate;
  if (!Number.isFinite(minimumGain)) {
    throw new RangeError(
      `train(): evaluate.minimumGain is ${minimumGain}; expected a finite number.`,
    );
  }
}
