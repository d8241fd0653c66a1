/**
 * y[n, :] = table[ids[n], :].
 *
 * Shapes: ids [N], table [rows, columns], y [N, columns]. Bytes: 8 an element of y. One invocation
 * an element, or four where rows are multiples of four; neighbours read neighbouring memory.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const embedding = defineKernel("embedding", ({ vector }: { vector: boolean }) => {
  const element = vector ? "vec4f" : "f32";
  return {
    bindings: {
      ids: "read array<i32>",
      table: `read array<${element}>`,
      y: `write array<${element}>`,
    },
    params: { count: "u32", columns: "u32" },
    workgroup: [256, 1, 1],
    code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.count) { return; }
  let token = u32(ids[i / params.columns]);
  y[i] = table[token * params.columns + i % params.columns];
}`,
  };
});
