/**
 * Gradients of attention, and of differential attention, without a T × T matrix and without atomics
 * (Dao, "FlashAttention-2", 2023, algorithm 2, cut in two so that each result has one writer).
 *
 * With P = exp(scale·Q·Kᵀ − lse), D(q) = Σ_c dY(q, c)·Y(q, c) and dS = P ∘ (dY·Vᵀ − D):
 *   dQ = scale·dS·K,  dK = scale·dSᵀ·Q,  dV = Pᵀ·dY.
 * Differential attention is Y = (P₁ − λ·P₂)·V. dY·Vᵀ is the same for both maps, so one product does:
 *   dS₁ = P₁ ∘ (dY·Vᵀ − D₁),  dS₂ = −λ·P₂ ∘ (dY·Vᵀ − D₂),  dV = (P₁ − λ·P₂)ᵀ·dY.
 *
 * Shapes as in attention.ts; stats [B, H, Tq] holds (lse, D) of each map.
 *
 * Work, `side: "queries"`: a workgroup owns a block of queries and walks over the keys: weights of
 * each map into workgroup memory; dY·Vᵀ into registers; dS in place of the weights; times K.
 * `side: "keys"`: it owns a block of keys and walks over the queries, and adds dV between. 2·(2d + dv)
 * and 4·(d + dv) operations an entry of the score matrix for one map; for two, sharing dY·Vᵀ and dV
 * makes it 5·d·2 and 4·d·2 + 4·dv instead of twice that.
 *
 * With dropout, a dropped weight is kept with a minus sign: dV leaves it out, dS needs its size.
 */
import { ATTENTION_PARAMS, DROPOUT_PARAMS, headBases, KEPT, keyEnd } from "./attention_problem.ts";
import { AttentionCode } from "./attention_tile.ts";
import type { AttentionConstants } from "./attention.ts";
import { elementIndex } from "./grid.ts";
import { type BindingType, defineKernel, join, unroll, wgsl } from "./kernel.ts";

/** Compile-time constants of {@linkcode attentionGradient}. */
export interface AttentionGradientConstants extends AttentionConstants {
  side: "queries" | "keys";
  /** Two for differential attention. */
  maps: 1 | 2;
}

export const attentionGradient = defineKernel(
  "attention_gradient",
  (c: AttentionGradientConstants) => {
    const { tile, mask, widthQk, widthV, vector, packed, dropout, side, maps } = c;
    const ofQueries = side === "queries";
    const code = new AttentionCode(tile, ofQueries ? widthQk : Math.max(widthQk, widthV));
    const { rowGroups, groups, threadRows } = code;
    const element = vector ? "array<vec4f>" : "array<f32>";
    const number = (name: string, map: number) => maps === 1 ? name : `${name}${map + 1}`;
    const overMaps = (piece: (map: number) => string) => unroll(maps, piece);

    const s = { name: "s", groups };
    const dv = { name: "dv_", groups: code.groupsFor(widthV) };
    const results = Array.from(
      { length: maps },
      (_, map) => ({ name: `result${map}_`, groups: code.groupsFor(widthQk) }),
    );
    const operand = (name: "q" | "k" | "v" | "dy", order: "k" | "mn", map = 0) => ({
      binding: name === "dy" ? "dy" : packed ? "qkv" : name === "v" ? "v" : number(name, map),
      order,
      vector,
      base: name === "dy" ? "base_y" : `base_${name}`,
      stride: name === "dy" ? `(params.heads * ${widthV}u)` : `params.stride_${name}`,
      rows: name === "q" || name === "dy" ? "params.time_q" : "params.time_k",
    });
    const [own, other] = ofQueries ? ["q", "k"] as const : ["k", "q"] as const;

    const read: Record<string, BindingType> = {};
    if (packed) read.qkv = `read ${element}`;
    else {
      for (let map = 0; map < maps; map++) {
        read[number("q", map)] = read[number("k", map)] = `read ${element}`;
      }
      read.v = `read ${element}`;
    }
    read.dy = `read ${element}`;
    read.stats = maps === 1 ? "read array<vec2f>" : "read array<vec4f>";
    if (maps === 2) read.lambda = "read array<f32>";
    if (mask.keys !== "all") read.keys = "read array<i32>";
    const write: Record<string, BindingType> = {};
    if (packed) write.dqkv = `write ${element}`;
    else {
      for (let map = 0; map < maps; map++) write[number(`d${own}`, map)] = `write ${element}`;
      if (!ofQueries) write.dv = `write ${element}`;
    }

    /** WGSL of (lse, D) of a query, as one value. */
    const statsOf = (query: string) => `stats[base_stats + min(${query}, params.time_q - 1u)]`;
    const lse = (map: number) => "xz"[map], dot = (map: number) => "yw"[map];

    /** Scores of a thread into weights, registers still; with dropout, see above, signed. */
    const weights = (map: number) =>
      [
        code.scale(s, "scale"),
        code.hide(s, mask, side),
        unroll(threadRows, (i) =>
          join(groups, " ", (j) =>
            `s${i}_${j} = exp2(s${i}_${j} - vec4f(${
              ofQueries
                ? `stats${i}.${lse(map)}`
                : join(4, ", ", (e) =>
                  `stats${4 * j + e}.${lse(map)}`)
            }));`)),
        dropout && ofQueries
          ? unroll(threadRows, (i) =>
            join(groups, " ", (j) =>
              `s${i}_${j} = select(-s${i}_${j}, s${i}_${j}, kept(row0 + ${
                code.row(i)
              }, (column0 + ${code.column(j)}) / 4u, batch * params.heads + head));`))
          : "",
      ].join("\n");

    /** The weights into workgroup memory; with dropout, the dropped ones of keys get their sign. */
    const storeWeights = (map: number) =>
      unroll(rowGroups, (g) =>
        unroll(groups, (j) =>
          unroll(4, (e) => {
            const value = code.across("s", g, j, e);
            const signed = dropout && !ofQueries
              ? `select(-${value}, ${value}, kept(column0 + ${code.column(j)} + ${e}u, (row0 + ${
                code.row(4 * g)
              }) / 4u, batch * params.heads + head))`
              : value;
            return `${code.weight(map, g, j, e)} = ${signed};`;
          })));

    /** dS in place of the weights, from s = dY·Vᵀ. */
    const scoreGradients = unroll(
      rowGroups,
      (g) =>
        unroll(
          groups,
          (j) =>
            unroll(4, (e) =>
              `{ let dp = ${code.across("s", g, j, e)}; ${
                overMaps((map) => {
                  const d = ofQueries
                    ? `vec4f(${join(4, ", ", (r) => `stats${4 * g + r}.${dot(map)}`)})`
                    : `vec4f(stats${4 * j + e}.${dot(map)})`;
                  const at = code.weight(map, g, j, e);
                  return dropout
                    ? `{ let w = ${at}; ${at} = abs(w) * (select(vec4f(0.0), params.factor * dp, w > vec4f(0.0)) - ${d}); }`
                    : `${at} *= ${map === 1 ? "-lambda_value * " : ""}(dp - ${d});`;
                })
              } }`),
        ),
    );

    const combined = (weight: (map: number) => string) =>
      maps === 2
        ? `${weight(0)} - lambda_value * ${weight(1)}`
        : dropout
        ? `max(${weight(0)}, vec4f(0.0))`
        : weight(0);
    const target = (name: "q" | "k" | "v", map = 0) => ({
      binding: packed ? "dqkv" : name === "v" ? "dv" : number(`d${name}`, map),
      vector,
      base: `base_${name}`,
      stride: `params.stride_${name}`,
    });
    const ownTime = ofQueries ? "params.time_q" : "params.time_k";

    return {
      bindings: { ...read, ...write },
      params: { ...ATTENTION_PARAMS, ...(dropout ? DROPOUT_PARAMS : {}) },
      workgroup: [code.threads, 1, 1],
      tile: { rows: tile.rows },
      code: wgsl`
${code.memory(maps)}
${dropout ? KEPT : ""}
@compute @workgroup_size(${code.threads})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  ${code.index()}
  ${headBases(widthQk, widthV)}
  // With a causal mask the last queries and the first keys have most to do: they start first.
  let row0 = ${ofQueries ? "(grid.x - 1u - group.x)" : "group.x"} * ${tile.rows}u;
  ${keyEnd(mask)}
  ${mask.causal ? "let shift = params.time_k - params.time_q;" : ""}
  ${maps === 2 ? "let lambda_value = lambda[0];" : ""}
  let scale = params.scale * 1.4426950408889634;
  ${
        ofQueries
          ? wgsl`
  let column_first = 0u;
  let column_end = ${mask.causal ? `min(key_end, row0 + ${tile.rows}u + shift)` : "key_end"};
  ${unroll(threadRows, (i) => `let stats${i} = ${statsOf(`row0 + ${code.row(i)}`)};`)}`
          : wgsl`
  let column_first = ${
            mask.causal ? `(max(row0, shift) - shift) / ${tile.columns}u * ${tile.columns}u` : "0u"
          };
  let column_end = select(0u, params.time_q, row0 < key_end);`
      }
  ${results.map((result) => code.declare(result))}
  ${ofQueries ? "" : code.declare(dv)}
  for (var column0 = column_first; column0 < column_end; column0 += ${tile.columns}u) {
    ${
        ofQueries ? "" : unroll(
          4 * groups,
          (x) => `let stats${x} = ${statsOf(`column0 + ${code.column(x >> 2)} + ${x & 3}u`)};`,
        )
      }
    ${code.declare(s)}
    ${
        overMaps((map) =>
          wgsl`
    ${map > 0 ? code.clear(s) : ""}
    ${
            code.scores(s, widthQk, { operand: operand(own, "k", map), first: "row0" }, {
              operand: operand(other, "k", map),
              first: "column0",
            })
          }
    ${weights(map)}
    ${storeWeights(map)}`
        )
      }
    ${
        ofQueries ? "" : code.weighted(
          dv,
          widthV,
          { operand: operand("dy", "mn"), first: "column0" },
          combined,
        )
      }
    ${code.clear(s)}
    ${
        code.scores(
          s,
          widthV,
          { operand: operand(ofQueries ? "dy" : "v", "k"), first: "row0" },
          { operand: operand(ofQueries ? "v" : "dy", "k"), first: "column0" },
        )
      }
    ${scoreGradients}
    ${
        overMaps((map) =>
          code.weighted(
            results[map],
            widthQk,
            { operand: operand(other, "mn", map), first: "column0" },
            (weight) => weight(map),
          )
        )
      }
  }
  ${
        overMaps((map) =>
          code.store(results[map], target(own, map), "row0", ownTime, widthQk, () => "params.scale")
        )
      }
  ${
        ofQueries ? "" : code.store(
          dv,
          target("v"),
          "row0",
          ownTime,
          widthV,
          () => dropout ? "params.factor" : "1.0",
        )
      }
}`,
    };
  },
);

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
