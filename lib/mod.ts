/**
 * Cutloss: losses of language models on WebGPU without their logits, and what it takes to train.
 *
 * Everything here uses web standards only: it runs in Deno and in a browser with WebGPU. Operations
 * are in {@linkcode ops}. A model of your own declares its weights, and says what its loss is:
 *
 * ```ts
 * import { evaluate, Gpu, Linear, Model, ops, type Tensor, train } from "cutloss";
 *
 * class Perceptron extends Model {
 *   inner = new Linear(this.weights, "inner", 2, 16, { deviation: 0.7 });
 *   outer = new Linear(this.weights, "outer", 16, 2, { deviation: 0.2 });
 *
 *   constructor(gpu: Gpu) {
 *     super(gpu);
 *     this.weights.allocate({ seed: 1 });
 *   }
 *   loss({ points, classes }: { points: Float32Array; classes: Int32Array }): Tensor {
 *     using x = this.gpu.tensor(points, [classes.length, 2]);
 *     using targets = this.gpu.tensor(classes);
 *     using hidden = this.inner.forward(x, { activation: "tanh" });
 *     using logits = this.outer.forward(hidden);
 *     return ops.crossEntropy(logits, targets);
 *   }
 *   measure({ classes }: { classes: Int32Array }) {
 *     return { batch: classes.length, time: 1, targets: classes.length };
 *   }
 * }
 *
 * using gpu = await Gpu.open();
 * using model = new Perceptron(gpu);
 * const points = new Float32Array([0, 0, 0, 1, 1, 0, 1, 1]);
 * const classes = new Int32Array([0, 1, 1, 0]); // exclusive or
 * const { records } = await train({
 *   model,
 *   data: { position: 0, next: () => ({ points, classes }) },
 *   steps: 100,
 *   optimizer: { learningRate: 0.05 },
 * });
 * const loss = await evaluate(model, [{ points, classes }]);
 * console.log(records.at(-1)!.loss, loss); // both close to 0
 * ```
 *
 * @module
 */
export { Gpu, type Scope, type TensorOptions } from "./tensor/gpu.ts";
export { Tensor, type TensorInit } from "./tensor/tensor.ts";
export {
  checkGradient,
  type CheckGradientOptions,
  type GradientCheck,
  GradientError,
} from "./tensor/check_gradient.ts";
export { type DType, type Shape, ShapeError } from "./tensor/shape.ts";
export { gradientOf, type GradientPlace, gradientPlace } from "./tensor/gradient_place.ts";
export { type BackwardFunction, record, type Recording, type TapeNode } from "./tensor/tape.ts";
export {
  type Bindable,
  GpuDevice,
  type Grid,
  type OpenOptions,
  type Timing,
} from "./gpu/device.ts";
export type { AdapterDescription, OpenedDevice } from "./gpu/adapter.ts";
export type { BufferSlice, DeviceBuffer } from "./gpu/pool.ts";
export {
  DeviceLostError,
  formatBytes,
  GpuError,
  NoAdapterError,
  OutOfMemoryError,
} from "./gpu/errors.ts";
export type { MemoryLedger, MemoryMeasurement } from "./gpu/ledger.ts";
export type { Candidate, Tuning, TuningResult } from "./gpu/tuning.ts";
export { browserTuningStore, type TuningStore } from "./gpu/tuning_store.ts";
export {
  type BindingType,
  defineKernel,
  type Kernel,
  type KernelSource,
  type ParamType,
  unroll,
  wgsl,
} from "../kernels/kernel.ts";
export { elementGrid, elementIndex } from "../kernels/grid.ts";
export {
  linearCrossEntropy,
  type LossAndAccuracy,
  type LossAndLse,
} from "./losses/linear_cross_entropy.ts";
export { type LossToTune, tuneLinearCrossEntropy } from "./losses/tune.ts";
export type {
  LinearCrossEntropyOptions,
  Reduction,
  WithAccuracy,
  WithLse,
  WithLseAndAccuracy,
} from "./losses/options.ts";
export * as ops from "./ops/mod.ts";
export * from "./nn/mod.ts";
export * from "./train/mod.ts";
export * from "./text/mod.ts";
export * from "./files/mod.ts";
