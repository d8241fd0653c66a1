/**
 * parts[g] = factor · (sum of the g-th chunk of x), and the gradient of a sum: y[i] = factor · s[0].
 *
 * A workgroup adds one chunk: each of 256 threads every 256th element, in order, several on their way at a
 * time, then their sums in a fixed order. Run again over the parts for the sum of all. Bytes: 4 an element.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, unroll, wgsl } from "./kernel.ts";
import { workgroupReduction } from "./reduce.ts";

/** Elements that a thread loads at a time. */
const AT_ONCE = 8;

export const sum = defineKernel("sum", () => ({
  bindings: { x: "read array<f32>", parts: "write array<f32>" },
  params: { count: "u32", chunk: "u32", factor: "f32" },
  workgroup: [256, 1, 1],
  code: wgsl`
${workgroupReduction("reduce", 256)}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let end = min((group.x + 1u) * params.chunk, params.count);
  var part = 0.0;
  for (var i = group.x * params.chunk + lane; i < end; i += ${256 * AT_ONCE}u) {
    ${unroll(AT_ONCE, (n) => `let i${n} = i + ${256 * n}u; let x${n} = x[min(i${n}, end - 1u)];`)}
    ${unroll(AT_ONCE, (n) => `part += select(0.0, x${n}, i${n} < end);`)}
  }
  let all = reduce(part, lane);
  if (lane == 0u) { parts[group.x] = params.factor * all; }
}`,
}));

export const spread = defineKernel("spread", () => ({
  bindings: { s: "read array<f32>", y: "write array<f32>" },
  params: { count: "u32", factor: "f32" },
  workgroup: [256, 1, 1],
  code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i < params.count) { y[i] = params.factor * s[0]; }
}`,
}));
