/**
 * parts[s, c] = factor · Σ x[r, c] over the s-th part of the rows: gradients of what was broadcast over
 * rows (biases, weights of norms).
 *
 * Shapes: x [rows, columns], parts [splits, columns]. A workgroup takes 32 columns and one part of
 * the rows: 32 × 8 threads, each adds every eighth row, then eight sums are added in order. When
 * there is more than one part, the kernel runs again over the parts: two stages, no atomics.
 *
 * Bytes: 4 an element of x; one addition.
 */
import { defineKernel, wgsl } from "./kernel.ts";

export const columnSum = defineKernel("column_sum", () => ({
  bindings: { x: "read array<f32>", parts: "write array<f32>" },
  params: { rows: "u32", columns: "u32", rows_of_part: "u32", factor: "f32" },
  workgroup: [32, 8, 1],
  tile: { columns: 32 },
  code: wgsl`
var<workgroup> sums: array<array<f32, 32>, 8>;
@compute @workgroup_size(32, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let column = group.x * 32u + local.x;
  let first = group.y * params.rows_of_part;
  let end = min(first + params.rows_of_part, params.rows);
  var sum = 0.0;
  if (column < params.columns) {
    for (var row = first + local.y; row < end; row += 8u) {
      sum += x[row * params.columns + column];
    }
  }
  sums[local.y][local.x] = sum;
  workgroupBarrier();
  if (local.y == 0u && column < params.columns) {
    for (var i = 1u; i < 8u; i++) { sum += sums[i][local.x]; }
    parts[group.y * params.columns + column] = params.factor * sum;
  }
}`,
}));
