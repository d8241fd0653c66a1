/**
 * Fixed point to f32, in place, and the target's part: what kernels/cut_gradient.ts leaves to do.
 *
 * - cutFinishRows: dE[i, d] = n steps + factor_i · C[target_i, d]. A workgroup a row.
 * - cutFinishColumns: dC[v, d] = n steps, as large as fixed_point.ts says. An invocation an element.
 * - cutTargetRows: dC[v, :] += Σ_{i: target_i = v} factor_i · e_i. A workgroup for each different
 *   target and 32 columns, whose rows are listed together (`order`, from `starts[g]` to
 *   `starts[g + 1]`); eight threads a column, their sums added in order. dBias[v] += Σ factor_i, by all
 *   threads of the workgroup of the first columns.
 *
 * E and C may be f16 (`half`). Bytes: 8 an element of dE and dC, and 4·D a row for its target, twice.
 */
import { FIXED_POINT, SCALE_PARAMS, SCALES } from "./fixed_point.ts";
import { elementIndex, rowIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { workgroupReduction } from "./reduce.ts";
import { arrayOf } from "./tile.ts";

export const cutFinishRows = defineKernel("cut_finish_rows", ({ half }: { half?: boolean }) => ({
  bindings: {
    c: `read ${arrayOf(false, half)}` as const,
    rowData: "read array<vec4f>",
    targetFactors: "read array<f32>",
    scales: "read array<u32>",
    dE: "write array<i32>",
  },
  params: {
    rowCount: "u32",
    d: "u32",
    first: "u32",
    columns: "u32",
    /** 1 the first time, 0 for further shards of C. */
    convert: "u32",
    ...SCALE_PARAMS,
  },
  workgroup: [64, 1, 1],
  f16: half,
  code: wgsl`
${SCALES}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  if (row >= params.rowCount) { return; }
  let indices = rowData[2u * row + 1u];
  let base = bitcast<u32>(indices.x) * params.d;
  let column = bitcast<u32>(indices.y) - params.first;
  let here = column < params.columns;
  let factor = select(0.0, targetFactors[row], here);
  let step = rowData[2u * row].z / ${FIXED_POINT}.0;
  let most = reach(params.rowSums + row, params.cSpread);
  for (var k = lid; k < params.d; k += 64u) {
    var x = bitcast<f32>(dE[base + k]);
    if (params.convert == 1u) { x = f32(dE[base + k]) * (step * min(scale(params.cMaxima + k), most)); }
    if (here) { x += factor * f32(c[column * params.d + k]); }
    dE[base + k] = bitcast<i32>(x);
  }
}`,
}));

export const cutFinishColumns = defineKernel(
  "cut_finish_columns",
  ({ tileColumns }: { tileColumns: number }) => ({
    bindings: { scales: "read array<u32>", y: "write array<i32>" },
    params: {
      count: "u32",
      /** D, or 1 for the bias. */
      width: "u32",
      /** 1 for dC, 0 for dBias. */
      weighted: "u32",
      /** First column and tile of this shard. */
      first: "u32",
      firstTile: "u32",
      ...SCALE_PARAMS,
    },
    workgroup: [256, 1, 1],
    code: wgsl`
${SCALES}
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.count) { return; }
  let column = i / params.width;
  let mass = scale(params.tileMasses + params.firstTile + column / ${tileColumns}u);
  var factor = share_of(params.columnShares + params.first + column);
  if (params.weighted == 1u) {
    let most = reach(params.columnSums + params.first + column, params.eSpread);
    factor = min(scale(params.eMaxima + i % params.width), most);
  }
  y[i] = bitcast<i32>(f32(y[i]) * (mass / ${FIXED_POINT}.0 * factor));
}`,
  }),
);

export const cutTargetRows = defineKernel(
  "cut_target_rows",
  ({ half, ...wanted }: { dC: boolean; dBias: boolean; half?: boolean }) => ({
    bindings: {
      e: `read ${arrayOf(false, half)}` as const,
      rows: "read array<u32>",
      targets: "read array<u32>",
      targetFactors: "read array<f32>",
      order: "read array<u32>",
      starts: "read array<u32>",
      ...(wanted.dC ? { dC: "write array<f32>" as const } : {}),
      ...(wanted.dBias ? { dBias: "write array<f32>" as const } : {}),
    },
    params: { firstGroup: "u32", groups: "u32", d: "u32", first: "u32" },
    workgroup: [32, 8, 1],
    f16: half,
    code: wgsl`
${wanted.dC ? "var<workgroup> sums: array<array<f32, 32>, 8>;" : ""}
${wanted.dBias ? workgroupReduction("bias_sum", 256) : ""}
@compute @workgroup_size(32, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  ${rowIndex()}
  if (row >= params.groups) { return; }
  let start = starts[params.firstGroup + row];
  let end = starts[params.firstGroup + row + 1u];
  let column = targets[order[start]];
  let k = group.z * 32u + local.x;
  ${
      wanted.dC
        ? wgsl`
  var sum = 0.0;
  if (k < params.d) {
    for (var i = start + local.y; i < end; i += 8u) {
      sum += targetFactors[order[i]] * f32(e[rows[order[i]] * params.d + k]);
    }
  }
  sums[local.y][local.x] = sum;
  workgroupBarrier();
  if (local.y == 0u && k < params.d) {
    for (var i = 1u; i < 8u; i++) { sum += sums[i][local.x]; }
    dC[(column - params.first) * params.d + k] += sum;
  }`
        : ""
    }
  ${
      wanted.dBias
        ? wgsl`
  if (group.z == 0u) {
    let lane = local.y * 32u + local.x;
    var total = 0.0;
    for (var i = start + lane; i < end; i += 256u) { total += targetFactors[order[i]]; }
    let all = bias_sum(total, lane);
    if (lane == 0u) { dBias[column] += all; }
  }`
        : ""
    }
}`,
  }),
);
