/**
 * Takes apart a packed projection [B, T, 3·D] while text is generated: queries to q [B, T, D], keys
 * and values behind those of earlier tokens, into caches [B, capacity, D] from position `at` on.
 *
 * Bytes: 24 an element of q. One invocation for one element each of q, k and v.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const cacheAppend = defineKernel("cache_append", () => ({
  bindings: {
    qkv: "read array<f32>",
    q: "write array<f32>",
    keys: "write array<f32>",
    values: "write array<f32>",
  },
  params: { count: "u32", time: "u32", width: "u32", capacity: "u32", at: "u32" },
  workgroup: [256, 1, 1],
  code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.count) { return; }
  let token = i / params.width;
  let column = i % params.width;
  let row = token / params.time * params.capacity + params.at + token % params.time;
  let source = token * 3u * params.width + column;
  q[i] = qkv[source];
  keys[row * params.width + column] = qkv[source + params.width];
  values[row * params.width + column] = qkv[source + 2u * params.width];
}`,
}));
