/**
 * y[i] += factor · x[i]: adds one gradient to another, in place.
 *
 * Bytes: 12 an element (read x and y, write y). One invocation an element.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const accumulate = defineKernel("accumulate", () => ({
  bindings: { x: "read array<f32>", y: "write array<f32>" },
  params: { count: "u32", factor: "f32" },
  workgroup: [256, 1, 1],
  code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i < params.count) { y[i] += params.factor * x[i]; }
}`,
}));
