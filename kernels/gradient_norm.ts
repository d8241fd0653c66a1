/**
 * The norm of all gradients, and the factor that clips it: out = (norm, min(1, most / (norm + 1e-6)))
 * (Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", 2013; the
 * 1e-6 is that of PyTorch's `clip_grad_norm_`).
 *
 * First parts[first + g] = Σ x² of the g-th chunk, four elements at a time, by `sumOfSquares`; then
 * `clipFactor` adds the parts, always in the same order. Bytes: 4 an element.
 */
import { defineKernel, wgsl } from "./kernel.ts";
import { workgroupReduction } from "./reduce.ts";

export const sumOfSquares = defineKernel("sum_of_squares", () => ({
  bindings: { x: "read array<vec4f>", parts: "write array<f32>" },
  params: { quads: "u32", chunk: "u32", first: "u32" },
  workgroup: [256, 1, 1],
  code: wgsl`
${workgroupReduction("reduce", 256)}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let end = min((group.x + 1u) * params.chunk, params.quads);
  var part = 0.0;
  for (var i = group.x * params.chunk + lane; i < end; i += 256u) { part += dot(x[i], x[i]); }
  let all = reduce(part, lane);
  if (lane == 0u) { parts[params.first + group.x] = all; }
}`,
}));

export const clipFactor = defineKernel("clip_factor", () => ({
  bindings: { parts: "read array<f32>", out: "write array<f32>" },
  params: { count: "u32", most: "f32" },
  workgroup: [256, 1, 1],
  code: wgsl`
${workgroupReduction("reduce", 256)}
@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  var part = 0.0;
  for (var i = lane; i < params.count; i += 256u) { part += parts[i]; }
  let norm = sqrt(reduce(part, lane));
  if (lane == 0u) {
    out[0] = norm;
    // Not a minimum, which would drop NaN: as in PyTorch, a norm that is no number spoils all weights.
    let factor = params.most / (norm + 1e-6);
    out[1] = select(factor, 1.0, params.most <= 0.0 || factor >= 1.0);
  }
}`,
}));
