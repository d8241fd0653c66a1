/**
 * Combines the partial results of a row's vocabulary spans into its log-sum-exp and its loss:
 *
 *   m = max_s m_s,   sum = Σ_s sum_s · exp(m_s − m),   and what token_loss.ts makes of them
 *
 * One invocation a row; spans in order, so the bits do not depend on how the work was scheduled.
 * Bytes: 8 to 12 read a row and span.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import {
  TOKEN_LOSS_PARAMS,
  tokenLoss,
  tokenLossBindings,
  type TokenLossConstants,
} from "./token_loss.ts";

export const cutCombine = defineKernel("cut_combine", (c: TokenLossConstants) => ({
  bindings: {
    partials: "read array<f32>",
    targetLogits: "read array<f32>",
    ...tokenLossBindings(c),
  },
  params: { rowCount: "u32", spans: "u32", ...TOKEN_LOSS_PARAMS },
  workgroup: [64, 1, 1],
  code: wgsl`
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(64)}
  if (i >= params.rowCount) { return; }
  let at = i * params.spans;
  var m = -3.0e38;
  for (var s = 0u; s < params.spans; s++) { m = max(m, partials[(at + s) * ${
    c.smoothed ? 3 : 2
  }u]); }
  var sum = 0.0;
  ${c.smoothed ? "var total = 0.0;" : ""}
  for (var s = 0u; s < params.spans; s++) {
    let p = (at + s) * ${c.smoothed ? 3 : 2}u;
    sum += partials[p + 1u] * exp(partials[p] - m);
    ${c.smoothed ? "total += partials[p + 2u];" : ""}
  }
  let z = targetLogits[i];
  ${tokenLoss(c)}
}`,
}));
