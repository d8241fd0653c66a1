/**
 * y[i] = factor · (a[i] ∘ b[i mod period]), with ∘ one of + and ·; and y[i] = factor · x[i].
 *
 * With period = the number of elements, a and b have the same shape; smaller periods broadcast b
 * over the leading dimensions of a.
 *
 * Bytes: 12 an element (8 for `scale`). Four elements an invocation, and b in fours too where the
 * period is a multiple of four.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const arithmetic = defineKernel(
  "arithmetic",
  ({ operation, vector }: { operation: "+" | "*"; vector: boolean }) => ({
    bindings: {
      a: "read array<vec4f>",
      b: vector ? "read array<vec4f>" : "read array<f32>",
      y: "write array<vec4f>",
    },
    params: { quads: "u32", period: "u32", factor: "f32" },
    workgroup: [256, 1, 1],
    code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.quads) { return; }
  ${
      vector ? "let other = b[i % (params.period / 4u)];" : wgsl`
  let j = 4u * i;
  let other = vec4f(b[j % params.period], b[(j + 1u) % params.period],
    b[(j + 2u) % params.period], b[(j + 3u) % params.period]);`
    }
  y[i] = params.factor * (a[i] ${operation} other);
}`,
  }),
);

export const scale = defineKernel("scale", () => ({
  bindings: { x: "read array<vec4f>", y: "write array<vec4f>" },
  params: { quads: "u32", factor: "f32" },
  workgroup: [256, 1, 1],
  code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i < params.quads) { y[i] = params.factor * x[i]; }
}`,
}));
