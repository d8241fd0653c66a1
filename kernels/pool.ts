/**
 * One vector a sequence: y[b, :] = Σ_t w(b, t)·x[b, t, :], and dx[b, t, :] = w(b, t)·dy[b, :].
 *
 * Two kinds of weights: a chosen token has w = 1 (`select`, with index [B]); or all tokens with a
 * non-zero mask share w = 1 / their number (`mean`, with mask [B, T]), and none means y = 0.
 *
 * Shapes: x [B, T, D], y [B, D]. One invocation an element of y, or of dx. Bytes: 8 an element of y
 * for `select`, 4 an element of x for `mean`, 4 an element of dx backward.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

/** How the tokens of a sequence are weighted. */
export type PoolKind = "select" | "mean";

const params = { count: "u32", time: "u32", columns: "u32" } as const;

export const pool = defineKernel("pool", ({ kind }: { kind: PoolKind }) => ({
  bindings: { x: "read array<f32>", tokens: "read array<i32>", y: "write array<f32>" },
  params,
  workgroup: [64, 1, 1],
  code: wgsl`
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(64)}
  if (i >= params.count) { return; }
  let b = i / params.columns;
  let column = i % params.columns;
  let first = b * params.time;
  ${
    kind === "select" ? "y[i] = x[(first + u32(tokens[b])) * params.columns + column];" : wgsl`
  var sum = 0.0;
  var chosen = 0.0;
  for (var t = first; t < first + params.time; t++) {
    if (tokens[t] != 0) {
      sum += x[t * params.columns + column];
      chosen += 1.0;
    }
  }
  y[i] = sum / max(chosen, 1.0);`
  }
}`,
}));

export const poolGradient = defineKernel("pool_gradient", ({ kind }: { kind: PoolKind }) => ({
  bindings: {
    dy: "read array<f32>" as const,
    tokens: "read array<i32>" as const,
    ...(kind === "mean" ? { weights: "read array<f32>" as const } : {}),
    dx: "write array<f32>" as const,
  },
  params,
  workgroup: [256, 1, 1],
  code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.count) { return; }
  let token = i / params.columns;
  let b = token / params.time;
  let from_y = dy[b * params.columns + i % params.columns];
  ${
    kind === "select"
      ? "dx[i] = select(0.0, from_y, u32(tokens[b]) == token % params.time);"
      : "dx[i] = select(0.0, weights[b] * from_y, tokens[token] != 0);"
  }
}`,
}));
