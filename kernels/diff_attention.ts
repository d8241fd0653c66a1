/**
 * Differential attention (Ye et al., "Differential Transformer", 2024, equation 1):
 * y = (softmax(scale·Q₁·K₁ᵀ) − λ·softmax(scale·Q₂·K₂ᵀ))·V, put together as y ← y − λ·y₂ from the two
 * results of attention.ts.
 *
 * Each map is normalised by its own sum, known only at the end of its row; so forward there is nothing
 * to share but V, and a workgroup makes one map: the same 2·2·(d + dv) operations an entry at half the
 * registers. One dispatch does both maps. The way back does share, see attention_gradient.ts.
 *
 * Shapes: q, k [B, T, H, d]; v, y, y₂ [B, T, H, 2d]; λ one number. Bytes here: 12 an element of y.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const subtractScaled = defineKernel("subtract_scaled", () => ({
  bindings: { y: "write array<vec4f>", y2: "read array<vec4f>", lambda: "read array<f32>" },
  params: { quads: "u32" },
  workgroup: [256, 1, 1],
  code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i < params.quads) { y[i] -= lambda[0] * y2[i]; }
}`,
}));
