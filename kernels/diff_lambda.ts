/**
 * λ = exp(a₁·b₁) − exp(a₂·b₂) + λ_init, the factor of differential attention (Ye et al.,
 * "Differential Transformer", 2024, equation 2), and its gradients: d a₁ = dλ·exp(a₁·b₁)·b₁,
 * d b₁ = dλ·exp(a₁·b₁)·a₁, and those of a₂ and b₂ with the other sign.
 *
 * The four vectors of d numbers lie behind one another in `vectors`: a₁, b₁, a₂, b₂. One workgroup
 * does it all; both exponentials are kept for the way back.
 */
import { defineKernel, wgsl } from "./kernel.ts";
import { workgroupReduction } from "./reduce.ts";

export const diffLambda = defineKernel("diff_lambda", () => ({
  bindings: {
    vectors: "read array<f32>",
    lambda: "write array<f32>",
    exponentials: "write array<f32>",
  },
  params: { width: "u32", initial: "f32" },
  workgroup: [64, 1, 1],
  code: wgsl`
${workgroupReduction("first_sum", 64)}
${workgroupReduction("second_sum", 64)}
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  let d = params.width;
  var first = 0.0;
  var second = 0.0;
  for (var i = lane; i < d; i += 64u) {
    first += vectors[i] * vectors[d + i];
    second += vectors[2u * d + i] * vectors[3u * d + i];
  }
  let e1 = exp(first_sum(first, lane));
  let e2 = exp(second_sum(second, lane));
  if (lane == 0u) {
    exponentials[0] = e1;
    exponentials[1] = e2;
    lambda[0] = e1 - e2 + params.initial;
  }
}`,
}));

export const diffLambdaGradient = defineKernel("diff_lambda_gradient", () => ({
  bindings: {
    vectors: "read array<f32>",
    exponentials: "read array<f32>",
    dlambda: "read array<f32>",
    dvectors: "write array<f32>",
  },
  params: { width: "u32" },
  workgroup: [64, 1, 1],
  code: wgsl`
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let d = params.width;
  if (i >= 4u * d) { return; }
  let part = i / d;
  // Vectors come in pairs, and each one's gradient is its partner.
  let partner = select(i - d, i + d, part % 2u == 0u);
  let slope = select(-exponentials[1], exponentials[0], part < 2u);
  dvectors[i] = dlambda[0] * slope * vectors[partner];
}`,
}));
