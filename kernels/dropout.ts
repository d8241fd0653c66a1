/**
 * y = x / (1 − p) where the element is kept, 0 where it is dropped (with probability p); NaN is never
 * dropped, as 0 · NaN would not be either.
 *
 * Which elements are kept is a function of (seed, offset, place) only: bit i mod 4 of
 * Philox(key = seed, counter = (⌊i / 4⌋, 0, offset)). Nothing is stored; the backward pass runs the
 * same kernel on the gradient.
 *
 * Bytes: 8 an element. One Philox block of four words for the four elements of an invocation.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { NO_NUMBER4 } from "./not_finite.ts";
import { PHILOX } from "./philox.ts";

export const dropout = defineKernel("dropout", () => ({
  bindings: { x: "read array<vec4f>", y: "write array<vec4f>" },
  params: {
    quads: "u32",
    threshold: "u32",
    factor: "f32",
    seed_low: "u32",
    seed_high: "u32",
    offset_low: "u32",
    offset_high: "u32",
  },
  workgroup: [256, 1, 1],
  code: wgsl`
${PHILOX}${NO_NUMBER4}
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.quads) { return; }
  let bits = philox(
    vec4u(i, 0u, params.offset_low, params.offset_high),
    vec2u(params.seed_low, params.seed_high),
  );
  let kept = (bits >= vec4u(params.threshold)) | no_number4(x[i]);
  y[i] = select(vec4f(0.0), params.factor * x[i], kept);
}`,
}));
