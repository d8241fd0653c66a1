/**
 * y = silu(gate) · up, the gated activation of Shazeer ("GLU variants improve transformer", 2020),
 * and its gradients: d gate = dy·up·σ·(1 + gate·(1 − σ)), d up = dy·silu(gate), σ = σ(gate).
 *
 * Bytes: 12 an element forward, 20 backward; four elements an invocation.
 */
import { SIGMOID } from "./activation.ts";
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const swiglu = defineKernel("swiglu", () => ({
  bindings: { gate: "read array<vec4f>", up: "read array<vec4f>", y: "write array<vec4f>" },
  params: { quads: "u32" },
  workgroup: [256, 1, 1],
  code: wgsl`
${SIGMOID}
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i < params.quads) { y[i] = gate[i] * sigmoid4(gate[i]) * up[i]; }
}`,
}));

export const swigluGradient = defineKernel("swiglu_gradient", () => ({
  bindings: {
    gate: "read array<vec4f>",
    up: "read array<vec4f>",
    dy: "read array<vec4f>",
    dgate: "write array<vec4f>",
    dup: "write array<vec4f>",
  },
  params: { quads: "u32" },
  workgroup: [256, 1, 1],
  code: wgsl`
${SIGMOID}
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.quads) { return; }
  let s = sigmoid4(gate[i]);
  dgate[i] = dy[i] * up[i] * s * (1.0 + gate[i] * (1.0 - s));
  dup[i] = dy[i] * gate[i] * s;
}`,
}));
