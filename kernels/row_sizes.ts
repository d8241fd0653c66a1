/**
 * How large rows are, and how different: y[first + i] = max |x[rows[i], :]|, and at `spread` four numbers
 * of all rows: the largest size, the largest weight, the sum of the weights' exponents, and how many
 * weights are not zero. A weight is a row's size, times |a| of its rowData (cut_rows.ts) if `weighted`.
 *
 * All as bits in u32 (y begins as zeros): maxima of bits are maxima of numbers of one sign, and sums of
 * whole numbers are the same in any order. One workgroup a row. Bytes: 4 read an element, or 2 of f16.
 */
import { rowIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { workgroupReduction } from "./reduce.ts";
import { arrayOf } from "./tile.ts";

export const rowSizes = defineKernel("row_sizes", (
  { weighted, half }: { weighted: boolean; half?: boolean },
) => ({
  bindings: {
    x: `read ${arrayOf(false, half)}` as const,
    y: "write array<atomic<u32>>",
    ...(weighted ? { rows: "read array<u32>", rowData: "read array<vec4f>" } as const : {}),
  },
  params: { rowCount: "u32", width: "u32", first: "u32", spread: "u32" },
  workgroup: [64, 1, 1],
  f16: half,
  code: wgsl`
${workgroupReduction("largest_of", 64, "max")}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  if (row >= params.rowCount) { return; }
  let base = ${weighted ? "rows[row]" : "row"} * params.width;
  var largest = 0.0;
  for (var k = lid; k < params.width; k += 64u) { largest = max(largest, abs(f32(x[base + k]))); }
  let size = largest_of(largest, lid);
  if (lid != 0u) { return; }
  let weight = bitcast<u32>(${weighted ? "size * abs(rowData[2u * row].y)" : "size"});
  atomicStore(&y[params.first + row], bitcast<u32>(size));
  atomicMax(&y[params.spread], bitcast<u32>(size));
  atomicMax(&y[params.spread + 1u], weight);
  if (weight > 0u) {
    atomicAdd(&y[params.spread + 2u], weight >> 23u);
    atomicAdd(&y[params.spread + 3u], 1u);
  }
}`,
}));
