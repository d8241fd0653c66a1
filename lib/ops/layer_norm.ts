import type { Tensor } from "../tensor/tensor.ts";
import { normalise } from "./norm.ts";

/**
 * weight ∘ (x − mean) / √(variance + eps) + bias over the last dimension (Ba, Kiros, Hinton, "Layer
 * normalization", 2016; the variance is divided by D as in PyTorch's `F.layer_norm`).
 *
 * @param x […, D].
 * @param weight [D].
 * @param bias [D].
 */
export function layerNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  { eps = 1e-5 }: { eps?: number } = {},
): Tensor {
  return normalise("layerNorm", x, weight, bias, { center: true, eps });
}
