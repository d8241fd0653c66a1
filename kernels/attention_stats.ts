/** Statistics that the gradients of attention need of each query. */
import { elementIndex } from "./grid.ts";
import { type BindingType, defineKernel, wgsl } from "./kernel.ts";

/**
 * What the gradients need to know of each query: stats = (lse, D) of one map, or of both.
 *
 * For two maps, y₂ = P₂·V was saved along with y = P₁·V − λ·y₂, so D₂ = dy·y₂ and
 * D₁ = dy·y + λ·D₂; D₂ is written too, because dλ = −Σ D₂. One invocation a query and head.
 */
export const attentionStats = defineKernel(
  "attention_stats",
  ({ maps, vector, widthV }: { maps: 1 | 2; vector: boolean; widthV: number }) => {
    const element = vector ? "array<vec4f>" : "array<f32>";
    const width = vector ? widthV / 4 : widthV;
    return {
      bindings: {
        y: `read ${element}` as const,
        dy: `read ${element}` as const,
        lse: "read array<f32>" as const,
        ...(maps === 2
          ? {
            y2: `read ${element}` as const,
            lse2: "read array<f32>" as const,
            lambda: "read array<f32>" as const,
            d2: "write array<f32>" as const,
          }
          : {}),
        stats: `write array<vec${maps * 2}f>` as BindingType,
      },
      params: { count: "u32", heads: "u32", time: "u32" },
      workgroup: [64, 1, 1],
      code: wgsl`
fn product(a: ${vector ? "vec4f" : "f32"}, b: ${vector ? "vec4f" : "f32"}) -> f32 {
  return ${vector ? "dot(a, b)" : "a * b"};
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(64)}
  if (i >= params.count) { return; }
  var d = 0.0;
  ${maps === 2 ? "var other = 0.0;" : ""}
  for (var c = i * ${width}u; c < (i + 1u) * ${width}u; c++) {
    d += product(dy[c], y[c]);
    ${maps === 2 ? "other += product(dy[c], y2[c]);" : ""}
  }
  let head = i % params.heads;
  let token = i / params.heads;
  let at = (token / params.time * params.heads + head) * params.time + token % params.time;
  ${
        maps === 2
          ? "d2[at] = other; stats[at] = vec4f(lse[at], d + lambda[0] * other, lse2[at], other);"
          : "stats[at] = vec2f(lse[at], d);"
      }
}`,
    };
  },
);
