/**
 * Log-sum-exp and loss of every row of stored logits: the naive and the chunked way.
 *
 * Shapes: logits [rows, stride], of which V columns count. One workgroup a row: each of its 256
 * threads keeps a running maximum and sum of every 256th column, then they are merged in a tree.
 * Bytes: 4·V read a row. See cut_combine.ts for the formula of the loss.
 */
import { rowIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const logitsStatistics = defineKernel("logits_statistics", () => ({
  bindings: {
    logits: "read array<f32>",
    targets: "read array<u32>",
    lse: "write array<f32>",
    losses: "write array<f32>",
  },
  params: {
    rowCount: "u32",
    /** Place of the first row among all rows whose target counts. */
    first: "u32",
    columns: "u32",
    stride: "u32",
    smoothing: "f32",
    zLoss: "f32",
  },
  workgroup: [256, 1, 1],
  code: wgsl`
var<workgroup> maxima: array<f32, 256>;
var<workgroup> sums: array<f32, 256>;
var<workgroup> totals: array<f32, 256>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  if (row >= params.rowCount) { return; }
  let base = row * params.stride;
  var m = -3.0e38;
  var sum = 0.0;
  var total = 0.0;
  for (var v = lid; v < params.columns; v += 256u) {
    let z = max(logits[base + v], -3.0e38);
    if (z > m) { sum *= exp(m - z); m = z; }
    sum += exp(z - m);
    total += z;
  }
  maxima[lid] = m;
  sums[lid] = sum;
  totals[lid] = total;
  workgroupBarrier();
  for (var half = 128u; half > 0u; half >>= 1u) {
    if (lid < half) {
      let larger = max(maxima[lid], maxima[lid + half]);
      sums[lid] = sums[lid] * exp(maxima[lid] - larger) + sums[lid + half] * exp(maxima[lid + half] - larger);
      maxima[lid] = larger;
      totals[lid] += totals[lid + half];
    }
    workgroupBarrier();
  }
  if (lid == 0u) {
    let value = maxima[0] + log(sums[0]);
    let target_logit = max(logits[base + targets[params.first + row]], -3.0e38);
    var loss = value - target_logit;
    if (params.smoothing != 0.0) {
      loss = (1.0 - params.smoothing) * loss +
        params.smoothing * (value - totals[0] / f32(params.columns));
    }
    lse[params.first + row] = value;
    losses[params.first + row] = loss + params.zLoss * value * value;
  }
}`,
}));
