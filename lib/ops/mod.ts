/**
 * Differentiable operations: each takes and gives tensors and leaves on the tape how to go back.
 *
 * ```ts
 * import { Gpu } from "cutloss";
 * import { linear, mean } from "cutloss/ops/mod.ts";
 *
 * using gpu = await Gpu.open();
 * using x = gpu.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
 * using weight = gpu.tensor([1, 0, 0, 0, 1, 0], [2, 3], { requiresGrad: true });
 * using loss = mean(linear(x, weight, undefined, { activation: "gelu" }));
 * loss.backward();
 * console.log(await weight.grad!.read());
 * ```
 *
 * @module
 */
export { activation, gelu, relu, silu, tanh } from "./activation.ts";
export { add, mul, scale } from "./arithmetic.ts";
export {
  attention,
  type AttentionMaskOptions,
  type AttentionOptions,
  attentionPacked,
} from "./attention.ts";
export { crossEntropy, type CrossEntropyOptions } from "./cross_entropy.ts";
export { diffAttention, type DiffAttentionOptions } from "./diff_attention.ts";
export { diffLambda } from "./diff_lambda.ts";
export { dropout, type DropoutStream } from "./dropout.ts";
export { embedding } from "./embedding.ts";
export { layerNorm } from "./layer_norm.ts";
export { linear, type LinearOptions } from "./linear.ts";
export { matmul } from "./matmul.ts";
export { maskedMean, selectToken } from "./pool.ts";
export { reshape } from "./reshape.ts";
export { rmsNorm } from "./rms_norm.ts";
export { rotary, type RotaryOptions } from "./rotary.ts";
export { mean, sum } from "./sum.ts";
export { swiglu } from "./swiglu.ts";
