/**
 * y = f(x) and dx = f′(·)·dy, element by element, for the non-linear functions of transformers.
 *
 *   gelu       x·Φ(x), Φ the normal distribution (Hendrycks and Gimpel 2016)
 *   gelu_tanh  x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, GPT-2's approximation of it
 *   silu       x·σ(x)
 *   tanh, relu as usual; their derivatives need y only, so that x need not be kept
 *
 * f(NaN) is NaN, so that a spoilt step shows.
 *
 * Bytes: 8 an element forward, 12 backward; four elements an invocation. Memory is the limit.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { NO_NUMBER4 } from "./not_finite.ts";

/** Functions that {@linkcode activation} knows. */
export type ActivationName = "gelu" | "gelu_tanh" | "silu" | "tanh" | "relu";

/**
 * tanh without overflow, and with all its digits near zero, where 1 − 2/(…) would lose them. NaN, of
 * which a clamp may make anything, stays NaN.
 */
export const TANH4 = wgsl`${NO_NUMBER4}
fn tanh4(x: vec4f) -> vec4f {
  let y = clamp(x, vec4f(-15.0), vec4f(15.0));
  let s = y * y;
  let near = y * (1.0 - s * (0.33333333 - s * (0.13333333 - s * 0.053968254)));
  let far = 1.0 - 2.0 / (exp(2.0 * y) + 1.0);
  return select(select(far, near, abs(y) < vec4f(0.25)), x, no_number4(x));
}`;

/** Φ(x), with erf by Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7). */
export const NORMAL4 = wgsl`
fn normal4(x: vec4f) -> vec4f {
  let z = abs(x) * 0.7071067811865476;
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return 0.5 + 0.5 * sign(x) * (1.0 - p * exp(-z * z));
}`;

/**
 * σ(x), for factors of x: of NaN a clamp may make anything. Above 80 it is 1 to f32's last digit; below −80
 * it is taken for 0, or large x would make much of its 1.8e-35.
 */
export const SIGMOID = wgsl`
fn sigmoid4(x: vec4f) -> vec4f {
  let s = 1.0 / (1.0 + exp(-clamp(x, vec4f(-80.0), vec4f(80.0))));
  return select(s, vec4f(0.0), x < vec4f(-80.0));
}`;

/** max(x, 0), but for NaN, which a maximum drops. */
export const RELU4 = "select(x, vec4f(0.0), x <= vec4f(0.0))";

/** Functions used, f(x), and f′ from x or, where `fromOutput`, from y. */
const FUNCTIONS: Record<
  ActivationName,
  { uses: string; value: string; derivative: string; fromOutput?: boolean }
> = {
  gelu: {
    uses: NORMAL4,
    value: "x * normal4(x)",
    derivative: "normal4(x) + x * 0.3989422804014327 * exp(-0.5 * x * x)",
  },
  gelu_tanh: {
    uses: wgsl`${TANH4}
fn inner4(x: vec4f) -> vec4f { return tanh4(0.7978845608028654 * (x + 0.044715 * x * x * x)); }
fn derivative4(x: vec4f) -> vec4f {
  let t = inner4(x);
  return 0.5 * (1.0 + t) +
    0.5 * x * (1.0 - t * t) * 0.7978845608028654 * (1.0 + 0.134145 * x * x);
}`,
    value: "0.5 * x * (1.0 + inner4(x))",
    derivative: "derivative4(x)",
  },
  silu: {
    uses: wgsl`${SIGMOID}
fn derivative4(x: vec4f) -> vec4f { let s = sigmoid4(x); return s * (1.0 + x * (1.0 - s)); }`,
    value: "x * sigmoid4(x)",
    derivative: "derivative4(x)",
  },
  tanh: { uses: TANH4, value: "tanh4(x)", derivative: "1.0 - x * x", fromOutput: true },
  relu: {
    uses: "",
    value: RELU4,
    derivative: "select(vec4f(1.0), vec4f(0.0), x <= vec4f(0.0))",
    fromOutput: true,
  },
};

/** Whether f′ is computed from f(x) rather than from x. */
export function derivativeFromOutput(name: ActivationName): boolean {
  return FUNCTIONS[name].fromOutput === true;
}

/** y = f(x). */
export const activation = defineKernel("activation", ({ name }: { name: ActivationName }) => ({
  bindings: { x: "read array<vec4f>", y: "write array<vec4f>" },
  params: { quads: "u32" },
  workgroup: [256, 1, 1],
  code: wgsl`
${FUNCTIONS[name].uses}
fn f(x: vec4f) -> vec4f { return ${FUNCTIONS[name].value}; }
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i < params.quads) { y[i] = f(x[i]); }
}`,
}));

/** dx = f′·dy, `saved` being x or y. */
export const activationGradient = defineKernel(
  "activation_gradient",
  ({ name }: { name: ActivationName }) => ({
    bindings: {
      saved: "read array<vec4f>",
      dy: "read array<vec4f>",
      dx: "write array<vec4f>",
    },
    params: { quads: "u32" },
    workgroup: [256, 1, 1],
    code: wgsl`
${FUNCTIONS[name].uses}
fn derivative(x: vec4f) -> vec4f { return ${FUNCTIONS[name].derivative}; }
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i < params.quads) { dx[i] = derivative(saved[i]) * dy[i]; }
}`,
  }),
);
