/**
 * Turns stored logits into their gradient, in place:
 *
 *   dx[i, v] = (a_i · exp(z[i, v] − lse_i) − b_i · [v = target_i] − s_i) · (1 − (z[i, v] / cap)²)
 *
 * with the coefficients of loss_coefficients.ts; the last factor only with a softcap, whose
 * derivative it is. Columns between V and the stride become zero, so that products may read them.
 *
 * Shapes: logits [rows, stride] holding `columns` vocabulary entries from `firstColumn` on. One
 * invocation four columns (the stride is a multiple of four). Bytes: 4 read and 4 written an element.
 */
import { defineKernel, wgsl } from "./kernel.ts";

/**
 * WGSL of the gradient of four logits `z`, from the coefficients `k` of their row, its `target_entry` and
 * the vocabulary entries `entry` that they belong to.
 */
export function gradientOfLogits(softcap: boolean): string {
  return wgsl`
    var dz = k.y * exp(max(z, vec4f(-3.0e38)) - k.x) - k.w;
    dz -= select(vec4f(0.0), vec4f(k.z), entry == vec4u(target_entry));
    ${
    softcap
      ? "let ratio = clamp(z / params.softcap, vec4f(-1.0), vec4f(1.0)); dz *= 1.0 - ratio * ratio;"
      : ""
  }`;
}

/** Workgroup size of {@linkcode logitsGradient}; each invocation takes four columns. */
export const LOGITS_GRADIENT_WIDTH = 128;

export const logitsGradient = defineKernel(
  "logits_gradient",
  ({ softcap }: { softcap: boolean }) => ({
    bindings: {
      logits: "write array<vec4f>",
      targets: "read array<u32>",
      coefficients: "read array<vec4f>",
    },
    params: {
      rowCount: "u32",
      first: "u32",
      columns: "u32",
      firstColumn: "u32",
      stride: "u32",
      softcap: "f32",
    },
    workgroup: [LOGITS_GRADIENT_WIDTH, 1, 1],
    code: wgsl`
@compute @workgroup_size(${LOGITS_GRADIENT_WIDTH})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let quad = id.x;
  if (quad >= params.stride / 4u) { return; }
  let column = quad * 4u + vec4u(0u, 1u, 2u, 3u);
  for (var row = id.y; row < params.rowCount; row += groups.y) {
    let at = row * (params.stride / 4u) + quad;
    let z = logits[at];
    let k = coefficients[params.first + row];
    let entry = column + params.firstColumn;
    let target_entry = targets[params.first + row];
    ${gradientOfLogits(softcap)}
    logits[at] = select(vec4f(0.0), dz, column < vec4u(params.columns));
  }
}`,
  }),
);
