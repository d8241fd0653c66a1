/**
 * Combines the partial results of a row's vocabulary spans into its log-sum-exp and its loss.
 *
 *   lse = m + log Σ_s sum_s · exp(m_s − m),  m = max_s m_s
 *   loss = (1 − ε)·(lse − z_target) + ε·(lse − mean_v z_v) + w·lse²
 *
 * with label smoothing ε and z-loss weight w. Both are infinite where a span's m_s says that a logit was
 * not finite (see cut_forward.ts), the loss also where a bias of −∞ takes the target out. One invocation a row; spans in order, so the bits do
 * not depend on how the work was scheduled. Bytes: 8 to 12 read a row and span.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const cutCombine = defineKernel(
  "cut_combine",
  ({ sumLogits }: { sumLogits: boolean }) => ({
    bindings: {
      partials: "read array<f32>",
      targetLogits: "read array<f32>",
      lse: "write array<f32>",
      losses: "write array<f32>",
    },
    params: { rowCount: "u32", spans: "u32", vocabulary: "f32", smoothing: "f32", zLoss: "f32" },
    workgroup: [64, 1, 1],
    code: wgsl`
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(64)}
  if (i >= params.rowCount) { return; }
  let at = i * params.spans;
  var m = -3.0e38;
  for (var s = 0u; s < params.spans; s++) { m = max(m, partials[(at + s) * ${
      sumLogits ? 3 : 2
    }u]); }
  var sum = 0.0;
  ${sumLogits ? "var total = 0.0;" : ""}
  for (var s = 0u; s < params.spans; s++) {
    let p = (at + s) * ${sumLogits ? 3 : 2}u;
    sum += partials[p + 1u] * exp(partials[p] - m);
    ${sumLogits ? "total += partials[p + 2u];" : ""}
  }
  let overflow = m > 1.0e38;
  let value = m + select(log(sum), m, overflow);
  let z = targetLogits[i];
  var loss = select(value - z, -4.0 * z, z <= -3.0e38);
  ${
      sumLogits
        ? "loss = (1.0 - params.smoothing) * loss + params.smoothing * (value - total / params.vocabulary);"
        : ""
    }
  lse[i] = value;
  losses[i] = select(loss + params.zLoss * value * value, value, overflow);
}`,
  }),
);
