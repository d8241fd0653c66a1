/**
 * Cutloss: losses of language models on WebGPU without their logits, and what it takes to train.
 *
 * @module
 */
export { Gpu, type Scope, type TensorOptions } from "./tensor/gpu.ts";
export { Tensor } from "./tensor/tensor.ts";
export {
  checkGradient,
  type CheckGradientOptions,
  type GradientCheck,
  GradientError,
} from "./tensor/check_gradient.ts";
export { type DType, type Shape, ShapeError } from "./tensor/shape.ts";
export {
  DeviceLostError,
  formatBytes,
  GpuError,
  NoAdapterError,
  OutOfMemoryError,
} from "./gpu/errors.ts";
export type { OpenOptions, Timing } from "./gpu/device.ts";
export type { MemoryLedger, MemoryMeasurement } from "./gpu/ledger.ts";
export { linearCrossEntropy, type LossAndLse } from "./losses/linear_cross_entropy.ts";
export { type LossToTune, tuneLinearCrossEntropy } from "./losses/tune.ts";
export type { TuningResult } from "./gpu/tuning.ts";
export { browserTuningStore, type TuningStore } from "./gpu/tuning_store.ts";
export type { LinearCrossEntropyOptions, Reduction, WithLse } from "./losses/options.ts";
export { Bert, DiffTransformer, DistilBert, Gpt2, type ModelFiles } from "./nn/mod.ts";
export { AdamW, beamSearch, type CheckpointStore, generate, train } from "./train/mod.ts";
export { Tokenizer, trainBpe, trainWordPiece } from "./text/mod.ts";
