/**
 * Fixed point for the filtered gradients of cut cross-entropy.
 *
 * Several jobs add to the same row of dE or dC. Sums of f32 would depend on who comes first, so they add
 * i32: whole-number addition is associative, and the result has the same bits whatever the schedule, with
 * no locks and no more memory than the gradient. What one is worth must be known beforehand. With G the
 * gradient of the logits but for the target's entry, and sizes the largest elements of rows,
 *
 *   |dE[i, d]| ≤ mass_i · min(max_v |C[v, d]|, reach_i),     reach_i = Σ_v |G[i, v]|·size(C_v) / mass_i
 *   |dC[v, d]| ≤ mass_t · min(max_i |E[i, d]|, reach_v),     reach_v = Σ_i |G[i, v]|·size(E_i) / mass_t
 *   |dBias[v]| ≤ mass_t · share_v,                           share_v = Σ_i |G[i, v]| / mass_t
 *
 * where mass_i ≥ Σ_v |G[i, v]| (cut_rows.ts) and mass_t ≥ Σ_i |G[i, v]| for every v of tile t
 * (cut_count.ts). A bound is spread over 2³⁰ steps, and what a job adds is rounded to a step: nothing
 * overflows, and about 1e-9 of the bound is lost. Columns' maxima serve where a column is large in all
 * rows. Where a single row is, they would leave all others few steps; only then (cut_jobs.ts) are reaches
 * and shares measured, by cut_measure.ts. Unmeasured they are the largest size of all, and one.
 *
 * All of these numbers lie in one buffer of u32, f32 as their bits: see {@linkcode scaleLayout}.
 */
import { wgsl } from "./kernel.ts";

/** Steps of a bound. */
export const FIXED_POINT = 2 ** 30;

/** Where each kind of number begins in the buffer of scales, as parameters of kernels. */
export const SCALE_PARAMS = {
  eMaxima: "u32",
  cMaxima: "u32",
  tileMasses: "u32",
  /** Of rows of E that count, and of rows of C: sizes, and what their reaches are measured by. */
  rowSizes: "u32",
  columnSizes: "u32",
  rowSums: "u32",
  columnSums: "u32",
  columnShares: "u32",
  eSpread: "u32",
  cSpread: "u32",
} as const;

/** Places in the buffer of scales, and its length in elements. */
export type ScaleLayout = Record<keyof typeof SCALE_PARAMS | "length", number>;

/** The layout for `rows` rows of E and `columns` of C of width `d`, and `tiles` vocabulary tiles. */
export function scaleLayout(
  { rows, columns, tiles, d }: { rows: number; columns: number; tiles: number; d: number },
): ScaleLayout {
  const sizes = {
    eMaxima: d,
    cMaxima: d,
    tileMasses: tiles,
    rowSizes: rows,
    columnSizes: columns,
    rowSums: rows,
    columnSums: columns,
    columnShares: columns,
    eSpread: 4,
    cSpread: 4,
  };
  let length = 0;
  const places = Object.entries(sizes).map(([name, size]) => {
    length += size;
    return [name, length - size];
  });
  return { ...Object.fromEntries(places), length };
}

/**
 * WGSL of `scale(i)`, of `reach(sum, spread)` and `share_of(sum)`, and of `steps_in_one(bound)`, for one of
 * these or a maximum. Needs `scales` as `array<u32>`.
 */
export const SCALES = wgsl`
fn scale(i: u32) -> f32 { return bitcast<f32>(scales[i]); }
fn reach(sum: u32, spread: u32) -> f32 {
  let most = scale(spread);
  return select(most, f32(scales[sum]) * (most / ${FIXED_POINT}.0), scales[sum] > 0u);
}
fn share_of(sum: u32) -> f32 {
  return select(1.0, f32(scales[sum]) / ${FIXED_POINT}.0, scales[sum] > 0u);
}
fn steps_in_one(bound: f32) -> f32 { return select(0.0, ${FIXED_POINT}.0 / bound, bound > 1.0e-28); }`;
