/**
 * Training of models, and text from them.
 *
 * @module
 */
export { AdamW, type AdamWOptions } from "./adamw.ts";
export { beamSearch, type BeamSearchOptions, type BeamText } from "./beam_search.ts";
export { type CheckpointStore, type Evaluation, readBest } from "./checkpoints.ts";
export { evaluate } from "./evaluate.ts";
export { classify, type ClassifyOptions } from "./classify.ts";
export { occlude, type Occlusion, type OcclusionOptions } from "./occlusion.ts";
export { generate, type GenerateOptions } from "./generate.ts";
export { type StepRecord } from "./loss_log.ts";
export { formatMemoryPlan, type MemoryPlan, planMemory } from "./memory_plan.ts";
export { type SamplingOptions, tokenProbabilities } from "./sampling.ts";
export { schedule, type ScheduleOptions } from "./schedule.ts";
export { train, TrainingError } from "./train.ts";
export {
  type BatchSource,
  type CheckpointOptions,
  type EvaluateOptions,
  type Trainable,
  type TrainOptions,
  type TrainProgress,
  type TrainResult,
} from "./train_options.ts";
