/**
 * Deals the surviving rows of each tile out into jobs of `rowsOfJob` rows: jobs[t] is the first job of
 * tile t, jobs[tiles] their number, which is also written as the grid of an indirect dispatch. Behind it
 * comes the grid of kernels/cut_measure.ts: the same where rows of E or of C are uneven, else none.
 *
 * One workgroup; every thread takes neighbouring tiles.
 */
import { SCALE_PARAMS } from "./fixed_point.ts";
import { defineKernel, wgsl } from "./kernel.ts";

/** Workgroups in x of the indirect grid; more go into y. */
export const JOBS_FOLD = 32768;

/** Rows are uneven if one weighs more than 2 to this power times what they weigh on (geometric) average. */
const UNEVEN = 6;

export const cutJobs = defineKernel("cut_jobs", ({ rowsOfJob }: { rowsOfJob: number }) => ({
  bindings: {
    counts: "read array<u32>",
    scales: "read array<u32>",
    jobs: "write array<u32>",
    grid: "write array<u32>",
  },
  params: { firstTile: "u32", tiles: "u32", ...SCALE_PARAMS },
  workgroup: [64, 1, 1],
  code: wgsl`
var<workgroup> totals: array<u32, 64>;
fn uneven(spread: u32) -> bool {
  let count = scales[spread + 3u];
  return (scales[spread + 1u] >> 23u) * count > scales[spread + 2u] + ${UNEVEN}u * count;
}
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lid: u32) {
  let share = (params.tiles + 63u) / 64u;
  let first = min(lid * share, params.tiles);
  let end = min(first + share, params.tiles);
  var total = 0u;
  for (var t = first; t < end; t++) {
    total += (counts[params.firstTile + t] + ${rowsOfJob - 1}u) / ${rowsOfJob}u;
  }
  totals[lid] = total;
  workgroupBarrier();
  var next = 0u;
  for (var i = 0u; i < lid; i++) { next += totals[i]; }
  for (var t = first; t < end; t++) {
    jobs[t] = next;
    next += (counts[params.firstTile + t] + ${rowsOfJob - 1}u) / ${rowsOfJob}u;
  }
  if (lid == 63u) {
    jobs[params.tiles] = next;
    grid[0] = min(next, ${JOBS_FOLD}u);
    grid[1] = (next + ${JOBS_FOLD - 1}u) / ${JOBS_FOLD}u;
    grid[2] = 1u;
    let measured = uneven(params.eSpread) || uneven(params.cSpread);
    grid[3] = select(0u, grid[0], measured);
    grid[4] = select(0u, grid[1], measured);
    grid[5] = 1u;
  }
}`,
}));
