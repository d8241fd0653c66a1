/**
 * Gradients of attention, and of differential attention, without a T × T matrix and without atomics
 * (Dao, "FlashAttention-2", 2023, algorithm 2, cut in two so that each result has one writer).
 *
 * With P = exp(scale·Q·Kᵀ − lse), D(q) = Σ_c dY(q, c)·Y(q, c) and dS = P ∘ (dY·Vᵀ − D):
 *   dQ = scale·dS·K,  dK = scale·dSᵀ·Q,  dV = Pᵀ·dY.
 * Differential attention is Y = (P₁ − λ·P₂)·V. dY·Vᵀ is the same for both maps:
 *   dS₁ = P₁ ∘ (dY·Vᵀ − D₁),  dS₂ = −λ·P₂ ∘ (dY·Vᵀ − D₂),  dV = (P₁ − λ·P₂)ᵀ·dY.
 *
 * Shapes as in attention.ts; stats [B, H, Tq] holds (lse, D) of each map.
 *
 * Work, `of: "queries"`: a workgroup owns a block of queries and walks over the keys: dY·Vᵀ into
 * registers; scores into others, made weights and then dS there; times K. `"keys and values"`: it owns a
 * block of keys and walks over the queries; the weights times dY as well.
 * 2·(2d + dv) and 4·(d + dv) operations an entry of the score matrix.
 *
 * Two maps are two sides of a workgroup, each with threads of its own and half of the values' columns: what
 * ordinary attention does with two heads of d and dv / 2, as many operations, but for two exchanges a block.
 * The sum for dY·Vᵀ runs over all columns, so each side adds what the other has; and for dV both need
 * P₁ − λ·P₂, so each gives the other its weights. One side for both maps would hold twice as many results
 * and weights: on an NVIDIA H200 (T = 2048) keys and values took 0.80 ms that way, in a kernel each, for 0.61.
 *
 * With dropout, a dropped weight is kept with a minus sign: dV leaves it out, dS needs its size.
 */
import { ATTENTION_PARAMS, DROPOUT_PARAMS, headBases, KEPT, keyEnd } from "./attention_problem.ts";
import {
  type GradientOf,
  gradientWork,
  numbered,
  valuesOfSide,
} from "./attention_gradient_work.ts";
import { AttentionCode } from "./attention_tile.ts";
import type { AttentionConstants } from "./attention.ts";
import { type BindingType, defineKernel, wgsl } from "./kernel.ts";

/** Compile-time constants of {@linkcode attentionGradient}. */
export interface AttentionGradientConstants extends AttentionConstants {
  /** Whose gradients. */
  of: GradientOf;
  /**
   * Workgroups that share a block of rows (default 1), where there are too few blocks: each walks over a
   * part of the columns. The first one's results go to where they belong, those of the others lie in
   * `parts_of_…`, to be added (kernels/sum_parts.ts).
   */
  parts?: number;
  /** Two for differential attention. */
  maps: 1 | 2;
}

export const attentionGradient = defineKernel(
  "attention_gradient",
  (c: AttentionGradientConstants) => {
    const { tile, mask, widthQk, widthV, vector, packed, dropout, of, maps, parts = 1 } = c;
    const ofQueries = of === "queries";
    const widest = ofQueries ? widthQk : Math.max(widthQk, valuesOfSide(c));
    const code = new AttentionCode(tile, widest, maps);
    const element = vector ? "array<vec4f>" : "array<f32>";

    const read: Record<string, BindingType> = {};
    if (packed) read.qkv = `read ${element}`;
    else {
      for (let map = 0; map < maps; map++) {
        read[numbered("q", map, maps)] = read[numbered("k", map, maps)] = `read ${element}`;
      }
      read.v = `read ${element}`;
    }
    read.dy = `read ${element}`;
    read.stats = "read array<vec2f>";
    if (maps === 2) read.lambda = "read array<f32>";
    if (mask.keys !== "all") read.keys = "read array<i32>";
    const gradient = ofQueries ? "dq" : "dk";
    const gradients = packed ? ["dqkv"] : [
      ...Array.from({ length: maps }, (_, i) => numbered(gradient, i, maps)),
      ...(ofQueries ? [] : ["dv"]),
    ];
    const written = [
      ...gradients,
      ...(parts > 1 ? gradients.map((name) => `parts_of_${name}`) : []),
    ];
    const write = Object.fromEntries(
      written.map((name) => [name, `write ${element}` as BindingType]),
    );

    return {
      bindings: { ...read, ...write },
      params: { ...ATTENTION_PARAMS, ...(dropout ? DROPOUT_PARAMS : {}) },
      workgroup: [code.threads * code.sides, 1, 1],
      tile: { rows: tile.rows, shares: parts },
      code: wgsl`
${code.memory()}
${dropout ? KEPT : ""}
@compute @workgroup_size(${code.threads * code.sides})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  ${code.index()}
  ${headBases(widthQk, widthV, parts)}
  ${keyEnd(mask)}
  ${mask.causal ? "let shift = params.time_k - params.time_q;" : ""}
  let scale = params.scale * 1.4426950408889634;
  ${gradientWork(code, c)}
}`,
    };
  },
);
