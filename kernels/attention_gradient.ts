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
 * Work, `of: "queries"`: a workgroup owns a block of queries and walks over the keys: scores of each map
 * into registers, made weights there; dY·Vᵀ into others; dS in place of the weights; times K.
 * `"keys and values"`: it owns a block of keys and walks over the queries, and adds dV between.
 * 2·(2d + dv) and 4·(d + dv) operations an entry of the score matrix for one map; for two, sharing
 * dY·Vᵀ and dV makes it 8·d + 2·dv and 8·d + 4·dv instead of twice that. `"keys"` and `"values"` do the
 * halves of it apart, 8·d + 2·dv and 4·d + 2·dv: the scores are made once more, but what a thread
 * holds fits its registers, which for two maps is worth more (see lib/ops/attention_tiles.ts).
 *
 * With dropout, a dropped weight is kept with a minus sign: dV leaves it out, dS needs its size.
 */
import { ATTENTION_PARAMS, DROPOUT_PARAMS, headBases, KEPT, keyEnd } from "./attention_problem.ts";
import { type AttentionProduct, compute, scores, weighted } from "./attention_product.ts";
import { AttentionCode } from "./attention_tile.ts";
import type { AttentionConstants } from "./attention.ts";
import { type BindingType, defineKernel, join, unroll, wgsl } from "./kernel.ts";

/** Compile-time constants of {@linkcode attentionGradient}. */
export interface AttentionGradientConstants extends AttentionConstants {
  /** Whose gradients. */
  of: "queries" | "keys" | "values" | "keys and values";
  /** Two for differential attention. */
  maps: 1 | 2;
}

export const attentionGradient = defineKernel(
  "attention_gradient",
  (c: AttentionGradientConstants) => {
    const { tile, mask, widthQk, widthV, vector, packed, dropout, of, maps } = c;
    const ofQueries = of === "queries", ofValues = of.endsWith("values");
    const side = ofQueries ? "queries" : "keys";
    const code = new AttentionCode(tile, ofValues ? Math.max(widthQk, widthV) : widthQk);
    const { rowGroups, groups, threadRows } = code;
    const element = vector ? "array<vec4f>" : "array<f32>";
    const number = (name: string, map: number) => maps === 1 ? name : `${name}${map + 1}`;
    const overMaps = (piece: (map: number) => string) => unroll(maps, piece);

    const accumulators = (name: string, width?: number) => ({
      name,
      groups: width === undefined ? groups : code.groupsFor(width),
    });
    const s = [accumulators("s"), accumulators("other_s")].slice(0, maps);
    const dp = accumulators("dp"), dv = accumulators("dv_", widthV);
    const results = of === "values"
      ? []
      : ["result", "other_result"].slice(0, maps).map((name) => accumulators(name, widthQk));
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
      if (of !== "values") read.v = `read ${element}`;
    }
    read.dy = `read ${element}`;
    read.stats = maps === 1 ? "read array<vec2f>" : "read array<vec4f>";
    if (maps === 2) read.lambda = "read array<f32>";
    if (mask.keys !== "all") read.keys = "read array<i32>";
    const write: Record<string, BindingType> = {};
    if (packed) write.dqkv = `write ${element}`;
    else {
      for (let map = 0; map < results.length; map++) {
        write[number(`d${own}`, map)] = `write ${element}`;
      }
      if (ofValues) write.dv = `write ${element}`;
    }

    /** WGSL of (lse, D) of a query, as one value. */
    const statsOf = (query: string) => `stats[base_stats + min(${query}, params.time_q - 1u)]`;
    const statsOfRow = (i: number) => statsOf(`row0 + ${code.row(i)}`);
    const statsOfColumn = (j: number, e: number) => statsOf(`column0 + ${code.column(j)} + ${e}u`);
    const lse = (map: number) => "xz"[map], dot = (map: number) => "yw"[map];
    const each = (piece: (i: number, j: number) => string) =>
      unroll(threadRows, (i) => join(groups, " ", (j) => piece(i, j)));

    /** Scores of a thread into weights; with dropout, see above, signed. */
    const weights = (map: number) => {
      const { name } = s[map];
      return [
        code.scale(s[map], "scale"),
        code.hide(s[map], mask, side),
        ofQueries
          ? unroll(
            threadRows,
            (i) =>
              `{ let most = ${statsOfRow(i)}.${lse(map)}; ${
                join(groups, " ", (j) => `${name}${i}_${j} = exp2(${name}${i}_${j} - most);`)
              } }`,
          )
          : unroll(
            groups,
            (j) =>
              `{ let most = vec4f(${join(4, ", ", (e) => `${statsOfColumn(j, e)}.${lse(map)}`)}); ${
                join(threadRows, " ", (i) => `${name}${i}_${j} = exp2(${name}${i}_${j} - most);`)
              } }`,
          ),
        !dropout
          ? ""
          : ofQueries
          ? each((i, j) =>
            `${name}${i}_${j} = select(-${name}${i}_${j}, ${name}${i}_${j}, kept(row0 + ${
              code.row(i)
            }, (column0 + ${code.column(j)}) / 4u, batch * params.heads + head));`
          )
          : unroll(rowGroups, (g) =>
            unroll(groups, (j) =>
              unroll(4, (e) =>
                `{ let keep = kept(column0 + ${code.column(j)} + ${e}u, (row0 + ${
                  code.row(4 * g)
                }) / 4u, batch * params.heads + head); ${
                  join(4, " ", (r) => {
                    const at = `${name}${4 * g + r}_${j}[${e}]`;
                    return `${at} = select(-${at}, ${at}, keep[${r}]);`;
                  })
                } }`))),
      ].join("\n");
    };

    /** dS in place of the weights, from dp = dY·Vᵀ. */
    const gradientOf = (map: number, i: number, j: number, d: string) => {
      const w = `${s[map].name}${i}_${j}`, x = `dp${i}_${j}`;
      return dropout
        ? `${w} = abs(${w}) * (select(vec4f(0.0), params.factor * ${x}, ${w} > vec4f(0.0)) - ${d});`
        : `${w} *= ${map === 1 ? "-lambda_value * " : ""}(${x} - ${d});`;
    };
    const scoreGradients = overMaps((map) =>
      ofQueries
        ? unroll(
          threadRows,
          (i) =>
            `{ let d = ${statsOfRow(i)}.${dot(map)}; ${
              join(groups, " ", (j) => gradientOf(map, i, j, "d"))
            } }`,
        )
        : unroll(
          groups,
          (j) =>
            `{ let d = vec4f(${join(4, ", ", (e) => `${statsOfColumn(j, e)}.${dot(map)}`)}); ${
              join(threadRows, " ", (i) => gradientOf(map, i, j, "d"))
            } }`,
        )
    );

    const ofColumns = (name: "q" | "k" | "v" | "dy", order: "k" | "mn", map = 0) => ({
      operand: operand(name, order, map),
      first: "column0",
    });
    const ofRows = (name: "q" | "k" | "v" | "dy", map = 0) => ({
      operand: operand(name, "k", map),
      first: "row0",
    });
    const across = (map: number, g: number, j: number, e: number) =>
      code.across(s[map].name, g, j, e);
    const combined = (g: number, j: number, e: number) =>
      maps === 2
        ? `${across(0, g, j, e)} - lambda_value * ${across(1, g, j, e)}`
        : dropout
        ? `select(${across(0, g, j, e)}, vec4f(0.0), ${across(0, g, j, e)} < vec4f(0.0))`
        : across(0, g, j, e);
    const run = (product: AttentionProduct) => compute(code, product);

    /** dY·Vᵀ, dS in place of the weights, and its products, which are the gradients. */
    const forScores = [
      run(
        ofQueries
          ? scores(code, dp, widthV, ofRows("dy"), ofColumns("v", "k"))
          : scores(code, dp, widthV, ofRows("v"), ofColumns("dy", "k")),
      ),
      scoreGradients,
      ...results.map((result, map) =>
        run(
          weighted(
            code,
            result,
            widthQk,
            ofColumns(other, "mn", map),
            (g, j, e) => across(map, g, j, e),
          ),
        )
      ),
    ].join("\n");

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
${code.memory()}
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
  let row0 = ${ofQueries ? "(grid.y - 1u - group.y)" : "group.y"} * ${tile.rows}u;
  ${keyEnd(mask)}
  ${mask.causal ? "let shift = params.time_k - params.time_q;" : ""}
  ${maps === 2 ? "let lambda_value = lambda[0];" : ""}
  let scale = params.scale * 1.4426950408889634;
  ${
        ofQueries
          ? wgsl`
  let column_first = 0u;
  let column_end = ${mask.causal ? `min(key_end, row0 + ${tile.rows}u + shift)` : "key_end"};`
          : wgsl`
  let column_first = ${
            mask.causal ? `(max(row0, shift) - shift) / ${tile.columns}u * ${tile.columns}u` : "0u"
          };
  let column_end = select(0u, params.time_q, row0 < key_end);`
      }
  ${results.map((result) => code.declare(result))}
  ${ofValues ? code.declare(dv) : ""}
  for (var column0 = column_first; column0 < column_end; column0 += ${tile.columns}u) {
    ${[...s, ...(of === "values" ? [] : [dp])].map((x) => code.declare(x))}
    ${
        overMaps((map) =>
          wgsl`
    ${run(scores(code, s[map], widthQk, ofRows(own, map), ofColumns(other, "k", map)))}
    ${weights(map)}`
        )
      }
    ${ofValues ? run(weighted(code, dv, widthV, ofColumns("dy", "mn"), combined)) : ""}
    ${of === "values" ? "" : forScores}
  }
  ${
        results.map((result, map) =>
          code.store(result, target(own, map), "row0", ownTime, widthQk, () => "params.scale")
        )
      }
  ${
        ofValues
          ? code.store(
            dv,
            target("v"),
            "row0",
            ownTime,
            widthV,
            () => dropout ? "params.factor" : "1.0",
          )
          : ""
      }
}`,
    };
  },
);
