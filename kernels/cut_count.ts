/**
 * How many rows of each vocabulary tile survive the filter, and how much gradient a column of the
 * tile can get from them: tileMass = Σ |a_i| · (upper bound of p in the tile).
 *
 * One workgroup a tile, which reads the tile's bytes and every row's threshold. The sums are over
 * fixed parts in a fixed order. Bytes: 1 a row and tile, and 20 a surviving row.
 */
import { rowIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { REFERENCE_BYTE, SURVIVES } from "./cut_rows.ts";

export const cutCount = defineKernel("cut_count", () => ({
  bindings: {
    bounds: "read array<u32>",
    rowData: "read array<vec4f>",
    reference: "read array<f32>",
    counts: "write array<u32>",
    scales: "write array<f32>",
  },
  params: { tiles: "u32", rowWords: "u32", thresholds: "u32", tileMasses: "u32" },
  workgroup: [64, 1, 1],
  code: wgsl`
var<workgroup> counted: array<u32, 64>;
var<workgroup> masses: array<f32, 64>;
${SURVIVES}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  if (row >= params.tiles) { return; }
  var count = 0u;
  var mass = 0.0;
  for (var w = lid; w < params.rowWords; w += 64u) {
    let bound = bounds[row * params.rowWords + w];
    let threshold = bounds[params.thresholds + w];
    for (var j = 0u; j < 4u; j++) {
      if (survives(bound, threshold, j)) {
        let i = w * 4u + j;
        let q = (bound >> (8u * j)) & 255u;
        let data = rowData[2u * i];
        let log_p = select((f32(q) - ${REFERENCE_BYTE}.0) * 0.25 + reference[i] - data.x, 0.0, q == 255u);
        count++;
        mass += abs(data.y) * exp(min(log_p, 0.0));
      }
    }
  }
  counted[lid] = count;
  masses[lid] = mass;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (lid < half) { counted[lid] += counted[lid + half]; masses[lid] += masses[lid + half]; }
    workgroupBarrier();
  }
  if (lid == 0u) {
    counts[row] = counted[0];
    scales[params.tileMasses + row] = masses[0] * 1.001;
  }
}`,
}));
