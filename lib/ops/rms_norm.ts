import type { Tensor } from "../tensor/tensor.ts";
import { normalise } from "./norm.ts";

/**
 * weight ∘ x / √(mean(x²) + eps) over the last dimension (Zhang, Sennrich, "Root mean square layer
 * normalization", 2019).
 *
 * @param x […, D].
 * @param weight [D], or undefined for a norm without weights.
 */
export function rmsNorm(
  x: Tensor,
  weight: Tensor | undefined,
  { eps = 1e-5 }: { eps?: number } = {},
): Tensor {
  return normalise("rmsNorm", x, weight, undefined, { center: false, eps });
}
