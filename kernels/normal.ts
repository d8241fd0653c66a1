/**
 * y[i] = scale · z, z from the standard normal distribution (Box and Muller 1958): the first numbers
 * that weights get.
 *
 * An invocation turns one block of Philox(key = seed, counter = (i, 0, stream)) into four numbers.
 * The bits are the same on every adapter; logarithm and cosine may differ in their last digits.
 * Bytes: 4 an element.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { PHILOX } from "./philox.ts";

export const normal = defineKernel("normal", () => ({
  bindings: { y: "write array<f32>" },
  params: {
    count: "u32",
    scale: "f32",
    seed_low: "u32",
    seed_high: "u32",
    stream_low: "u32",
    stream_high: "u32",
  },
  workgroup: [256, 1, 1],
  code: wgsl`
${PHILOX}
// Upper bits only, so that the conversion is exact: in (0, 1] and in [-1/2, 1/2).
fn positive(bits: u32) -> f32 { return f32((bits >> 8u) + 1u) / 16777216.0; }
fn turn(bits: u32) -> f32 { return 6.283185307 * (f32(bits >> 8u) / 16777216.0 - 0.5); }
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (4u * i >= params.count) { return; }
  let bits = philox(
    vec4u(i, 0u, params.stream_low, params.stream_high),
    vec2u(params.seed_low, params.seed_high),
  );
  let r0 = params.scale * sqrt(-2.0 * log(positive(bits.x)));
  let r1 = params.scale * sqrt(-2.0 * log(positive(bits.z)));
  let z = vec4f(
    r0 * cos(turn(bits.y)), r0 * sin(turn(bits.y)),
    r1 * cos(turn(bits.w)), r1 * sin(turn(bits.w)),
  );
  for (var j = 0u; j < min(4u, params.count - 4u * i); j++) { y[4u * i + j] = z[j]; }
}`,
}));
