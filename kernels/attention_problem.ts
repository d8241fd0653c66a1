/**
 * How the attention kernels are told what to attend to: parameters, where heads lie in memory, which
 * keys count, which weights are dropped.
 */
import { wgsl } from "./kernel.ts";
import { PHILOX } from "./philox.ts";

/** Which entries of the score matrix count. */
export interface AttentionMask {
  /** A query sees keys up to its own position, counted from the end of the keys. */
  causal: boolean;
  /** Padding: nothing, a number of keys for each sequence, or a flag for each key. */
  keys: "all" | "lengths" | "mask";
}

/** WGSL of the number of keys that can count at all for a sequence: `key_end`. */
export function keyEnd({ keys }: AttentionMask): string {
  return keys === "lengths"
    ? "let key_end = min(params.time_k, u32(max(keys[batch], 0)));"
    : "let key_end = params.time_k;";
}

/** WGSL that attention with dropout uses: `kept(query, quad of keys)`, true where a weight stays. */
export const KEPT = wgsl`
${PHILOX}
fn kept(query: u32, quad: u32, head: u32) -> vec4<bool> {
  return philox(
    vec4u(quad, query, head, params.offset_low),
    vec2u(params.seed_low, params.seed_high ^ params.offset_high),
  ) >= vec4u(params.threshold);
}`;

/** Parameters of the kernels, besides those of dropout. */
export const ATTENTION_PARAMS = {
  heads: "u32",
  time_q: "u32",
  time_k: "u32",
  stride_q: "u32",
  stride_k: "u32",
  stride_v: "u32",
  offset_k: "u32",
  offset_v: "u32",
  scale: "f32",
} as const;

export const DROPOUT_PARAMS = {
  threshold: "u32",
  factor: "f32",
  seed_low: "u32",
  seed_high: "u32",
  offset_low: "u32",
  offset_high: "u32",
} as const;

/**
 * Where a head of queries, keys and values lies: WGSL that defines `base_q`, `base_k`, `base_v`.
 *
 * Workgroups are numbered by head, then block of rows, then sequence (see {@linkcode attentionGrid}):
 * the blocks with most to do come first in all heads. A kernel may have several workgroups for a block
 * of a head, which come one after the other; each has its `share`.
 */
export function headBases(widthQk: number, widthV: number, shares = 1): string {
  return wgsl`
  let head = group.x / ${shares}u;
  let share = group.x % ${shares}u;
  let batch = group.z;
  let base_q = batch * params.time_q * params.stride_q + head * ${widthQk}u;
  let base_k = params.offset_k + batch * params.time_k * params.stride_k + head * ${widthQk}u;
  let base_v = params.offset_v + batch * params.time_k * params.stride_v + head * ${widthV}u;
  let base_y = batch * params.time_q * params.heads * ${widthV}u + head * ${widthV}u;
  let base_stats = (batch * params.heads + head) * params.time_q;`;
}

/**
 * The grid of an attention kernel over `time` queries or keys.
 *
 * @param tile the kernel's: a workgroup owns `rows`, and a block of them has `shares`.
 */
export function attentionGrid(
  time: number,
  { rows, shares }: Readonly<Record<string, number>>,
  heads: number,
  batch: number,
): [number, number, number] {
  return [heads * shares, Math.ceil(time / rows), batch];
}
