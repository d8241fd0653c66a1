/**
 * Rows of a matrix by their indices: y[i, :] = x[rows[first + i], :], or the other way,
 * y[rows[first + i], :] = x[i, :] (`scatter`; the indices are different, so nothing collides).
 *
 * Bytes: 8 an element, or 4 of f16 (`half`). One invocation an element.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { arrayOf } from "./tile.ts";

export const gatherRows = defineKernel("gather_rows", (
  { scatter, half }: { scatter: boolean; half?: boolean },
) => ({
  bindings: {
    x: `read ${arrayOf(false, half)}` as const,
    rows: "read array<u32>",
    y: `write ${arrayOf(false, half)}` as const,
  },
  params: { rowCount: "u32", first: "u32", width: "u32" },
  workgroup: [256, 1, 1],
  f16: half,
  code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  let row = i / params.width;
  if (row >= params.rowCount) { return; }
  let other = rows[params.first + row] * params.width + i % params.width;
  ${scatter ? "y[other] = x[i];" : "y[i] = x[other];"}
}`,
}));
