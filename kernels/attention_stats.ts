/** Statistics that the gradients of attention need of each query. */
import { rowIndex } from "./grid.ts";
import { type BindingType, defineKernel, wgsl } from "./kernel.ts";

/** Queries (of one head) of a workgroup, and threads that share one: its rows are read in whole lines. */
export const STATS_QUERIES = 8;
const SHARE = 8;

/**
 * What the gradients need to know of each query: stats = (lse, D) of one map, or of both.
 *
 * For two maps, y₂ = P₂·V was saved along with y = P₁·V − λ·y₂, so D₂ = dy·y₂ and
 * D₁ = dy·y + λ·D₂; the sums of D₂ by workgroup are written too, because dλ = −Σ D₂.
 *
 * Shapes: y, y₂, dy [B, T, H, dv], lse, lse₂ [B, H, T], stats [B, H, T, 2·maps], sums
 * [B·T·H / STATS_QUERIES]. Bytes: 8·dv read a query and head, 12·dv for two maps.
 */
export const attentionStats = defineKernel(
  "attention_stats",
  ({ maps, vector, widthV }: { maps: 1 | 2; vector: boolean; widthV: number }) => {
    const element = vector ? "array<vec4f>" : "array<f32>";
    const width = vector ? widthV / 4 : widthV;
    const product = (a: string, b: string) => vector ? `dot(${a}, ${b})` : `${a} * ${b}`;
    const threads = STATS_QUERIES * SHARE;
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
            sums: "write array<f32>" as const,
          }
          : {}),
        stats: `write array<vec${maps * 2}f>` as BindingType,
      },
      params: { count: "u32", heads: "u32", time: "u32" },
      workgroup: [threads, 1, 1],
      code: wgsl`
// Sums of the threads, of dy·y and of dy·y₂.
var<workgroup> parts: array<vec2f, ${threads}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  let i = row * ${STATS_QUERIES}u + lid / ${SHARE}u;
  let lane = lid % ${SHARE}u;
  var part = vec2f(0.0);
  if (i < params.count) {
    for (var c = i * ${width}u + lane; c < (i + 1u) * ${width}u; c += ${SHARE}u) {
      part.x += ${product("dy[c]", "y[c]")};
      ${maps === 2 ? `part.y += ${product("dy[c]", "y2[c]")};` : ""}
    }
  }
  parts[lid] = part;
  workgroupBarrier();
  var d = vec2f(0.0);
  if (lane == 0u) {
    for (var t = 0u; t < ${SHARE}u; t++) { d += parts[lid + t]; }
    if (i < params.count) {
      let head = i % params.heads;
      let token = i / params.heads;
      let at = (token / params.time * params.heads + head) * params.time + token % params.time;
      ${
        maps === 2
          ? "stats[at] = vec4f(lse[at], d.x + lambda[0] * d.y, lse2[at], d.y);"
          : "stats[at] = vec2f(lse[at], d.x);"
      }
    }
  }
  ${
        maps === 2
          ? wgsl`
  workgroupBarrier();
  if (lane == 0u) { parts[lid].y = d.y; }
  workgroupBarrier();
  if (lid == 0u && row * ${STATS_QUERIES}u < params.count) {
    var sum = 0.0;
    for (var q = 0u; q < ${STATS_QUERIES}u; q++) { sum += parts[q * ${SHARE}u].y; }
    sums[row] = sum;
  }`
          : ""
      }
}`,
    };
  },
);
