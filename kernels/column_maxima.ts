/**
 * y[d] = max_i |x[rows[i], d]|, as the bits of an f32 (y begins as zeros).
 *
 * For numbers of one sign the order of their bits is the order of the numbers, so `atomicMax` on u32
 * gives the maximum, whatever the order of arrival. A workgroup takes 64 columns and a part of the
 * rows. Bytes: 4 read an element.
 */
import { defineKernel, wgsl } from "./kernel.ts";

/** Columns of a workgroup, and rows of it. */
export const COLUMN_MAXIMA = { columns: 64, rows: 256 };

export const columnMaxima = defineKernel("column_maxima", ({ gather }: { gather: boolean }) => ({
  bindings: {
    x: "read array<f32>",
    y: "write array<atomic<u32>>",
    ...(gather ? { rows: "read array<u32>" as const } : {}),
  },
  params: { rowCount: "u32", width: "u32", first: "u32" },
  workgroup: [COLUMN_MAXIMA.columns, 1, 1],
  code: wgsl`
@compute @workgroup_size(${COLUMN_MAXIMA.columns})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  let column = id.x;
  if (column >= params.width) { return; }
  let end = min((group.y + 1u) * ${COLUMN_MAXIMA.rows}u, params.rowCount);
  var largest = 0.0;
  for (var i = group.y * ${COLUMN_MAXIMA.rows}u; i < end; i++) {
    largest = max(largest, abs(x[${gather ? "rows[i]" : "i"} * params.width + column]));
  }
  atomicMax(&y[params.first + column], bitcast<u32>(largest));
}`,
}));
