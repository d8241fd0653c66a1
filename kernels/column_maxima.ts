/**
 * y[d] = max_i |x[rows[i], d]|, as the bits of an f32 (y begins as zeros).
 *
 * For numbers of one sign the order of their bits is the order of the numbers, so `atomicMax` on u32
 * gives the maximum, whatever the order of arrival. A workgroup takes 64 columns and a part of the
 * rows. Bytes: 4 read an element, or 2 where x is f16 (`half`).
 */
import { defineKernel, wgsl } from "./kernel.ts";
import { arrayOf } from "./tile.ts";

/** Columns of a workgroup, and rows of it. */
export const COLUMN_MAXIMA = { columns: 64, rows: 256 };

export const columnMaxima = defineKernel("column_maxima", (
  { gather, half }: { gather: boolean; half?: boolean },
) => ({
  bindings: {
    x: `read ${arrayOf(false, half)}` as const,
    y: "write array<atomic<u32>>",
    ...(gather ? { rows: "read array<u32>" as const } : {}),
  },
  params: { rowCount: "u32", width: "u32", first: "u32" },
  workgroup: [COLUMN_MAXIMA.columns, 1, 1],
  f16: half,
  code: wgsl`
@compute @workgroup_size(${COLUMN_MAXIMA.columns})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  let column = id.x;
  if (column >= params.width) { return; }
  let end = min((group.y + 1u) * ${COLUMN_MAXIMA.rows}u, params.rowCount);
  var largest = 0.0;
  for (var i = group.y * ${COLUMN_MAXIMA.rows}u; i < end; i++) {
    largest = max(largest, abs(f32(x[${gather ? "rows[i]" : "i"} * params.width + column])));
  }
  atomicMax(&y[params.first + column], bitcast<u32>(largest));
}`,
}));
