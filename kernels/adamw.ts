/**
 * One step of AdamW for all weights at once (Loshchilov and Hutter, "Decoupled weight decay
 * regularization", 2019, algorithm 2; rounding as in PyTorch's `torch.optim.AdamW`):
 *
 *   g = clip · gradient;  m ← m + (1 − β₁)(g − m);  v ← β₂·v + (1 − β₂)·g²
 *   p ← keep·p − rate · m / (√v / correction + ε)
 *
 * with keep = 1 − learning rate · decay for the first `decaying` quads and 1 after them,
 * rate = learning rate / (1 − β₁ᵗ), correction = √(1 − β₂ᵗ). The clip factor was computed on the
 * device, see gradient_norm.ts.
 *
 * Bytes: 28 an element (read p, g, m, v; write p, m, v); that is all its time. One invocation for
 * four elements.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const adamw = defineKernel("adamw", () => ({
  bindings: {
    p: "write array<vec4f>",
    g: "read array<vec4f>",
    m: "write array<vec4f>",
    v: "write array<vec4f>",
    clip: "read array<f32>",
  },
  params: {
    quads: "u32",
    decaying: "u32",
    keep: "f32",
    rate: "f32",
    beta2: "f32",
    rest1: "f32",
    rest2: "f32",
    correction: "f32",
    eps: "f32",
  },
  workgroup: [256, 1, 1],
  code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.quads) { return; }
  let d = clip[1] * g[i];
  let m1 = m[i] + params.rest1 * (d - m[i]);
  let v1 = params.beta2 * v[i] + params.rest2 * d * d;
  m[i] = m1;
  v[i] = v1;
  p[i] = select(1.0, params.keep, i < params.decaying) * p[i]
    - params.rate * m1 / (sqrt(v1) / params.correction + params.eps);
}`,
}));
