/**
 * How much each row of dE and of dC gets from the surviving rows: the sums Σ_v |G[i, v]|·size(C_v),
 * Σ_i |G[i, v]|·size(E_i) and Σ_i |G[i, v]| of kernels/fixed_point.ts, for inputs whose rows are of very
 * different sizes.
 *
 * A workgroup makes G of a job, as cut_gradient.ts will make it again, and adds the sums of its rows and
 * columns, in 2⁻³⁰ of what they can be at most, rounded up. Work: 2·D operations for each surviving pair
 * and column, a third of what the gradient takes.
 */
import {
  CUT_JOB_PARAMS,
  cutJob,
  cutJobBindings,
  type CutJobConstants,
  cutJobDeclarations,
  pickedRow,
} from "./cut_job.ts";
import { FIXED_POINT, SCALE_PARAMS } from "./fixed_point.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { tileThreads } from "./tile.ts";

export const cutMeasure = defineKernel("cut_measure", (c: CutJobConstants) => {
  const { tile } = c, threads = tileThreads(tile);
  return {
    bindings: { ...cutJobBindings(c), scales: "write array<atomic<u32>>" },
    params: { ...CUT_JOB_PARAMS, ...SCALE_PARAMS },
    workgroup: [threads, 1, 1],
    f16: c.half,
    code: wgsl`
${cutJobDeclarations(c)}
fn scale(i: u32) -> f32 { return bitcast<f32>(atomicLoad(&scales[i])); }
// Adds a sum, of which there can be at most so much in all.
fn add(at: u32, sum: f32, most: f32) {
  if (sum > 0.0) { atomicAdd(&scales[at], u32(ceil(min(sum / most * 1.0001, 1.0) * ${FIXED_POINT}.0))); }
}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${cutJob(c)}
  let firstColumn = params.first + tile * ${tile.n}u;
  let mass = scale(params.tileMasses + params.firstTile + tile);
  for (var column = lid; column < columns; column += ${threads}u) {
    var sum = 0.0;
    var own = 0.0;
    for (var r = 0u; r < survivors; r++) {
      let g = abs(gradient[column][r / 4u][r % 4u]);
      sum += g * scale(params.rowSizes + ${pickedRow("r")});
      own += g;
    }
    add(params.columnSums + firstColumn + column, sum, mass * scale(params.eSpread));
    add(params.columnShares + firstColumn + column, own, mass);
  }
  for (var r = lid; r < survivors; r += ${threads}u) {
    var sum = 0.0;
    for (var column = 0u; column < columns; column++) {
      sum += abs(gradient[column][r / 4u][r % 4u]) * scale(params.columnSizes + firstColumn + column);
    }
    let picked = ${pickedRow("r")};
    add(params.rowSums + picked, sum, rowData[2u * picked].z * scale(params.cSpread));
  }
}`,
  };
});
