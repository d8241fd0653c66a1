/**
 * y[i] = Σ_p parts[p · count + i] (+ y[i]): adds partial products in order.
 *
 * Bytes: 4 read an element and part, 4 written an element. One invocation an element.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const sumParts = defineKernel(
  "sum_parts",
  ({ accumulate }: { accumulate: boolean }) => ({
    bindings: { parts: "read array<f32>", y: "write array<f32>" },
    params: { count: "u32", parts_count: "u32" },
    workgroup: [256, 1, 1],
    code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.count) { return; }
  var sum = ${accumulate ? "y[i]" : "0.0"};
  for (var p = 0u; p < params.parts_count; p++) { sum += parts[p * params.count + i]; }
  y[i] = sum;
}`,
  }),
);
