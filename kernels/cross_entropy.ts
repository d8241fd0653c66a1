/**
 * Cross-entropy of classification: losses[n] = log Σ_c exp(x[n, c]) − x[n, target n], 0 where the
 * target is ignored; dx[n, c] = (exp(x[n, c] − lse[n]) − [c = target n])·dloss[n].
 *
 * Shapes: x [N, C], targets [N], losses and lse [N]; dloss is a scalar or [N]. For a handful of
 * classes; vocabularies have kernels of their own (lib/losses). Forward: a workgroup of 32 a row,
 * which reads it twice. Backward: an invocation an element, 8 bytes each.
 */
import { elementIndex, rowIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { workgroupReduction } from "./reduce.ts";

export const crossEntropy = defineKernel("cross_entropy", () => ({
  bindings: {
    x: "read array<f32>",
    targets: "read array<i32>",
    losses: "write array<f32>",
    lse: "write array<f32>",
  },
  params: { rows: "u32", classes: "u32", ignored: "i32" },
  workgroup: [32, 1, 1],
  code: wgsl`
${workgroupReduction("largest", 32, "max")}
${workgroupReduction("sum", 32)}
@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${rowIndex()}
  if (row >= params.rows) { return; }
  let first = row * params.classes;
  var most = -3.4e38;
  for (var c = lane; c < params.classes; c += 32u) { most = max(most, x[first + c]); }
  most = largest(most, lane);
  var part = 0.0;
  for (var c = lane; c < params.classes; c += 32u) { part += exp(x[first + c] - most); }
  let log_sum = log(sum(part, lane));
  if (lane == 0u) {
    let target_class = targets[row];
    lse[row] = most + log_sum;
    losses[row] = 0.0;
    if (target_class != params.ignored) {
      // The difference to the maximum first: it is exact where the loss is small.
      losses[row] = log_sum - (x[first + u32(target_class)] - most);
    }
  }
}`,
}));

export const crossEntropyGradient = defineKernel(
  "cross_entropy_gradient",
  ({ perRow }: { perRow: boolean }) => ({
    bindings: {
      x: "read array<f32>",
      targets: "read array<i32>",
      lse: "read array<f32>",
      dloss: "read array<f32>",
      dx: "write array<f32>",
    },
    params: { count: "u32", classes: "u32", ignored: "i32", factor: "f32" },
    workgroup: [256, 1, 1],
    code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.count) { return; }
  let row = i / params.classes;
  let target_class = targets[row];
  dx[i] = 0.0;
  if (target_class != params.ignored) {
    let truth = select(0.0, 1.0, i % params.classes == u32(target_class));
    dx[i] = (exp(x[i] - lse[row]) - truth) * params.factor * dloss[${perRow ? "row" : "0"}];
  }
}`,
  }),
);
