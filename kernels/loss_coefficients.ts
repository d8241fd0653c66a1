/**
 * What multiplies softmax, target and constant in the gradient of a row's logits:
 *
 *   dz[i, v] = a_i · softmax(z_i)[v] − b_i · [v = target_i] − s_i
 *   a_i = g_i·(1 + 2·w·lse_i) + h_i,   b_i = g_i·(1 − ε),   s_i = g_i·ε / V
 *
 * where g_i is the upstream gradient of the row's loss times its weight, h_i that of its log-sum-exp,
 * ε the label smoothing and w the weight of the z-loss. Written as vec4f(lse_i, a_i, b_i, s_i). A row
 * whose lse is not finite has no gradient: its a is no number, and neither is what it is added to.
 * One invocation a row.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { NOT_FINITE } from "./not_finite.ts";
import { TOKEN_LOSS_PARAMS } from "./token_loss.ts";

/** WGSL of the function that computes them from a row's lse, g and h; it needs `TOKEN_LOSS_PARAMS`. */
export const COEFFICIENTS = wgsl`${NOT_FINITE}
fn coefficients_of(lse: f32, g: f32, h: f32) -> vec4f {
  let a = g * (1.0 + 2.0 * params.zLoss * lse) + h;
  return vec4f(
    lse,
    select(a, bitcast<f32>(bitcast<u32>(lse) | 0x7fc00000u), not_finite(lse)),
    g * (1.0 - params.smoothing),
    g * params.smoothing / params.vocabulary,
  );
}`;

export const lossCoefficients = defineKernel(
  "loss_coefficients",
  (c: { loss: "none" | "scalar" | "rows"; lse: boolean; weighted: boolean }) => ({
    bindings: {
      lse: "read array<f32>",
      positions: "read array<u32>",
      coefficients: "write array<vec4f>",
      ...(c.loss === "none" ? {} : { dLoss: "read array<f32>" as const }),
      ...(c.lse ? { dLse: "read array<f32>" as const } : {}),
      ...(c.weighted ? { weights: "read array<f32>" as const } : {}),
    },
    params: {
      rowCount: "u32",
      first: "u32",
      factor: "f32",
      ...TOKEN_LOSS_PARAMS,
    },
    workgroup: [64, 1, 1],
    code: wgsl`${COEFFICIENTS}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(64)}
  if (i >= params.rowCount) { return; }
  let row = params.first + i;
  let g = params.factor * ${c.weighted ? "weights[row] * " : ""}${
      c.loss === "none" ? "0.0" : c.loss === "scalar" ? "dLoss[0]" : "dLoss[positions[row]]"
    };
  let h = ${c.lse ? "dLse[positions[row]]" : "0.0"};
  coefficients[row] = coefficients_of(lse[row], g, h);
}`,
  }),
);
