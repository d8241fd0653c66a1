/**
 * y[i] = value.
 *
 * Bytes: 4 written an element. One invocation an element; the grid is folded into two dimensions
 * because one holds 65,535 workgroups only.
 */
import { defineKernel, wgsl } from "./kernel.ts";
import { elementIndex } from "./grid.ts";

export const fill = defineKernel("fill", () => ({
  bindings: { y: "write array<f32>" },
  params: { count: "u32", value: "f32" },
  workgroup: [256, 1, 1],
  code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i < params.count) { y[i] = params.value; }
}`,
}));
