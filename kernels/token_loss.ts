/**
 * What a row's maximum m and sum Σ_v exp(z_v − m) come to: the end of the forward pass, whichever way the
 * logits were seen (cut_combine.ts, logits_statistics.ts).
 *
 *   lse = m + log sum
 *   loss = weight · ((1 − ε)·(lse − z_target) + ε·(lse − mean_v z_v) + w·lse²)
 *   correct = 1 if no logit is larger than the target's, else 0
 *
 * with label smoothing ε, z-loss weight w and the class weight of the row's target. A maximum of 3e38
 * says that a logit was not finite: then both are infinite. So is the loss where a bias of −∞ takes the
 * target out.
 */
import { wgsl } from "./kernel.ts";

/** Compile-time constants of the end of a row. */
export interface TokenLossConstants {
  /** There is label smoothing; `total` is the sum of the logits. */
  smoothed: boolean;
  /** Losses have weights. */
  weighted: boolean;
  /** Also writes whether the target is the most likely entry. */
  correct: boolean;
}

/** Bindings of the end of a row. */
export function tokenLossBindings({ weighted, correct }: TokenLossConstants) {
  return {
    lse: "write array<f32>",
    losses: "write array<f32>",
    ...(weighted ? { weights: "read array<f32>" as const } : {}),
    ...(correct ? { correct: "write array<f32>" as const } : {}),
  } as const;
}

/** Parameters of the end of a row. */
export const TOKEN_LOSS_PARAMS = { vocabulary: "f32", smoothing: "f32", zLoss: "f32" } as const;

/** WGSL that ends row `i`, from its `m`, `sum`, `total` and the target's logit `z`. */
export function tokenLoss({ smoothed, weighted, correct }: TokenLossConstants): string {
  return wgsl`
  let infinite = m > 1.0e38;
  let value = m + select(log(sum), m, infinite);
  var loss = select(value - z, -4.0 * z, z <= -3.0e38);
  ${
    smoothed
      ? "loss = (1.0 - params.smoothing) * loss + params.smoothing * (value - total / params.vocabulary);"
      : ""
  }
  lse[i] = value;
  losses[i] = ${
    weighted ? "weights[i] * " : ""
  }select(loss + params.zLoss * value * value, value, infinite);
  ${correct ? "correct[i] = select(0.0, 1.0, z >= m && z > -3.0e38 && !infinite);" : ""}`;
}
