/**
 * What the filtered backward pass needs to know of each row, from its coefficients (see
 * loss_coefficients.ts), its log-sum-exp and its target's logit:
 *
 *   rowData[2i]     = (lse, a, mass, −)    mass ≥ Σ_v≠target |a · p_v| = |a|·(1 − p_target)
 *   rowData[2i + 1] = (row of E, target) as bits
 *   targetFactors[i] = dx of the target's own logit, (a·p_target − b)·(1 − (z/cap)²)
 *   thresholds       = one byte a row, in words of four: the least bound in the keep-map that
 *                      matters, 0 for none (upstream gradient zero, or no such row).
 *
 * A row whose log-sum-exp is not finite takes part everywhere, so that its gradient, which is no number,
 * reaches all of dC.
 *
 * A bound of q says p ≤ exp((q − 128)/4 + reference − lse); it matters when that exceeds eps.
 * One invocation four rows.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { NOT_FINITE } from "./not_finite.ts";

/** The byte of a bound that equals the reference; the range is −31.75 to 31.75 nats around it. */
export const REFERENCE_BYTE = 128;

export const cutRows = defineKernel("cut_rows", () => ({
  bindings: {
    coefficients: "read array<vec4f>",
    targetLogits: "read array<f32>",
    reference: "read array<f32>",
    rows: "read array<u32>",
    targets: "read array<u32>",
    rowData: "write array<vec4f>",
    targetFactors: "write array<f32>",
    bounds: "write array<u32>",
  },
  params: {
    rowCount: "u32",
    words: "u32",
    /** Where the thresholds lie in `bounds`: behind the last tile. */
    firstWord: "u32",
    logEps: "f32",
    softcap: "f32",
  },
  workgroup: [64, 1, 1],
  code: wgsl`${NOT_FINITE}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(64)}
  if (i >= params.words) { return; }
  var word = 0u;
  for (var j = 0u; j < 4u; j++) {
    let row = i * 4u + j;
    if (row >= params.rowCount) { break; }
    let k = coefficients[row];
    let z = targetLogits[row];
    let p = exp(min(z - k.x, 0.0));
    // A probability is known to about 1e-6 and to what rounding the log-sum-exp makes of it: the rest
    // may be larger than 1 − p by as much.
    let mass = abs(k.y) * (max(1.0 - p, 0.0) + 4.0e-6 + abs(k.x) * 0x1p-22);
    rowData[2u * row] = vec4f(k.x, k.y, mass, 0.0);
    rowData[2u * row + 1u] = vec4f(bitcast<f32>(rows[row]), bitcast<f32>(targets[row]), 0.0, 0.0);
    var factor = k.y * p - k.z;
    if (params.softcap > 0.0) {
      let ratio = clamp(z / params.softcap, -1.0, 1.0);
      factor *= 1.0 - ratio * ratio;
    }
    targetFactors[row] = factor;
    let infinite = not_finite(k.x);
    if (infinite || k.y != 0.0) {
      let q = floor(${REFERENCE_BYTE}.0 + 4.0 * (params.logEps + k.x - reference[row])) + 1.0;
      word |= u32(select(clamp(q, 1.0, 255.0), 1.0, infinite)) << (8u * j);
    }
  }
  bounds[params.firstWord + i] = word;
}`,
}));

/** WGSL of \`survives(bound, threshold, j)\`: whether byte j of a word of bounds matters. */
export const SURVIVES = wgsl`
fn survives(bound: u32, threshold: u32, j: u32) -> bool {
  let t = (threshold >> (8u * j)) & 255u;
  return t != 0u && ((bound >> (8u * j)) & 255u) >= t;
}`;
