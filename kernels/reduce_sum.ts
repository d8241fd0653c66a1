/**
 * y[0] = factor · Σ_i x[i], in a fixed order: one workgroup, whose 256 threads each sum a stretch of
 * neighbours' neighbours (i, i + 256, …), then a tree. Bytes: 4 read an element. For the sums of
 * losses, whose number is that of tokens; the same bits every time.
 */
import { defineKernel, wgsl } from "./kernel.ts";

export const reduceSum = defineKernel("reduce_sum", () => ({
  bindings: { x: "read array<f32>", y: "write array<f32>" },
  params: { count: "u32", factor: "f32" },
  workgroup: [256, 1, 1],
  code: wgsl`
var<workgroup> sums: array<f32, 256>;
@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lid: u32) {
  var sum = 0.0;
  for (var i = lid; i < params.count; i += 256u) { sum += x[i]; }
  sums[lid] = sum;
  workgroupBarrier();
  for (var half = 128u; half > 0u; half >>= 1u) {
    if (lid < half) { sums[lid] += sums[lid + half]; }
    workgroupBarrier();
  }
  if (lid == 0u) { y[0] = params.factor * sums[0]; }
}`,
}));
