/**
 * y[target, :] = Σ_{first ≤ j < end} x[order[j], :] (+ y[target, :]), for a list of pieces (target,
 * first, end).
 *
 * The gradient of an embedding lookup: the host groups positions by token, so that each row of the
 * table is written by one workgroup (per 64 columns), which adds in the order of the positions. No
 * float atomics, hence the same bits on every run. Long lists come as several pieces, whose sums are
 * added by the same kernel.
 *
 * Shapes: x [·, columns], y [·, columns], order [positions]. Bytes: 4 an element of x read.
 */
import { rowIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const gatherSum = defineKernel("gather_sum", ({ accumulate }: { accumulate: boolean }) => ({
  bindings: {
    x: "read array<f32>",
    order: "read array<i32>",
    pieces: "read array<vec4i>",
    y: "write array<f32>",
  },
  params: { pieces_count: "u32", columns: "u32" },
  workgroup: [64, 1, 1],
  tile: { columns: 64 },
  code: wgsl`
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${rowIndex()}
  let column = group.z * 64u + lane;
  if (row >= params.pieces_count || column >= params.columns) { return; }
  let piece = pieces[row];
  var sum = 0.0;
  for (var j = piece.y; j < piece.z; j++) { sum += x[u32(order[j]) * params.columns + column]; }
  let i = u32(piece.x) * params.columns + column;
  y[i] = ${accumulate ? "y[i] + " : ""}sum;
}`,
}));
