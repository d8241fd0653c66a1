/**
 * y[i] *= factor[0], in place, with a factor that only the device knows.
 *
 * Bytes: 8 an element, but none if the factor is 1, as it is where `backward()` begins. One invocation an
 * element.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const scaleBy = defineKernel("scale_by", () => ({
  bindings: { y: "write array<f32>", factor: "read array<f32>" },
  params: { count: "u32" },
  workgroup: [256, 1, 1],
  code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i < params.count && factor[0] != 1.0) { y[i] *= factor[0]; }
}`,
}));
