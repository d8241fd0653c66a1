/** What a workgroup does for the gradients of attention: see attention_gradient.ts. */
import { type AttentionProduct, compute, scores, weighted } from "./attention_product.ts";
import type { AttentionCode } from "./attention_tile.ts";
import type { AttentionConstants } from "./attention.ts";
import { join, unroll, wgsl } from "./kernel.ts";

/** What a kernel computes the gradients of. */
export type GradientOf = "queries" | "keys and values";

/** The name of what there is one of for each map. */
export function numbered(name: string, map: number, maps: 1 | 2): string {
  return maps === 1 ? name : `${name}${map + 1}`;
}

/** Columns of the values that a side of a workgroup has: all, or of two the first half, rounded up. */
export function valuesOfSide(
  { widthV, vector, maps }: { widthV: number; vector: boolean; maps?: 1 | 2 },
): number {
  if (maps !== 2) return widthV;
  const grain = vector ? 4 : 1;
  return Math.ceil(widthV / 2 / grain) * grain;
}

/** WGSL of what a workgroup does, which knows `share` and `side`. */
export function gradientWork(
  code: AttentionCode,
  c: AttentionConstants & { maps: 1 | 2; of: GradientOf; parts?: number },
): string {
  const { tile, mask, widthQk, widthV, vector, packed, dropout, maps, of, parts = 1 } = c;
  const ofQueries = of === "queries";
  const { rowGroups, groups, threadRows } = code;
  const ofSide = valuesOfSide(c);
  const [toSide, length] = maps === 1
    ? ["", undefined]
    : [` + side * ${ofSide}u`, 2 * ofSide === widthV ? undefined : "values_of_side"];
  const operand = (name: "q" | "k" | "v" | "dy", order: "k" | "mn") => ({
    bindings: name === "dy" || (name === "v" && !packed)
      ? [name]
      : packed
      ? ["qkv"]
      : Array.from({ length: maps }, (_, map) => numbered(name, map, maps)),
    order,
    vector,
    base: name === "dy" ? `(base_y${toSide})` : name === "v" ? `(base_v${toSide})` : `base_${name}`,
    stride: name === "dy" ? `(params.heads * ${widthV}u)` : `params.stride_${name}`,
    rows: name === "q" || name === "dy" ? "params.time_q" : "params.time_k",
  });
  const [own, other] = ofQueries ? ["q", "k"] as const : ["k", "q"] as const;
  const lengthOf = (name: string) => name === "v" || name === "dy" ? { length } : {};
  const ofColumns = (name: "q" | "k" | "v" | "dy", order: "k" | "mn") => ({
    operand: operand(name, order),
    first: "column0",
    ...lengthOf(name),
  });
  const ofRows = (name: "q" | "k" | "v" | "dy") => ({
    operand: operand(name, "k"),
    first: "row0",
    ...lengthOf(name),
  });

  const accumulators = (name: string, width?: number) => ({
    name,
    groups: width === undefined ? groups : code.groupsFor(width),
  });
  const s = accumulators("s"), dp = accumulators("dp"), combined = accumulators("w");
  const dv = accumulators("dv_", ofSide), result = accumulators("result", widthQk);

  /** WGSL of (lse, D) of a query. */
  const statsOf = (query: string) => {
    const i = `(base_stats + min(${query}, params.time_q - 1u))`;
    return maps === 1 ? `stats[${i}]` : `stats[2u * ${i} + side]`;
  };
  const statsOfRow = (i: number) => statsOf(`row0 + ${code.row(i)}`);
  const statsOfColumn = (j: number, e: number) => statsOf(`column0 + ${code.column(j)} + ${e}u`);
  const each = (piece: (i: number, j: number) => string) =>
    unroll(threadRows, (i) => join(groups, " ", (j) => piece(i, j)));
  /** WGSL that does `piece` to every score of a thread, `x` being lse ("x") or D ("y") of its query. */
  const withStats = (component: "x" | "y", piece: (i: number, j: number) => string) =>
    ofQueries
      ? unroll(
        threadRows,
        (i) =>
          `{ let x = ${statsOfRow(i)}.${component}; ${join(groups, " ", (j) => piece(i, j))} }`,
      )
      : unroll(
        groups,
        (j) =>
          `{ let x = vec4f(${join(4, ", ", (e) => `${statsOfColumn(j, e)}.${component}`)}); ${
            join(threadRows, " ", (i) => piece(i, j))
          } }`,
      );

  /** Weights that are dropped get a minus sign, see attention_gradient.ts. */
  const dropped = () =>
    ofQueries
      ? each((i, j) =>
        `s${i}_${j} = select(-s${i}_${j}, s${i}_${j}, kept(row0 + ${code.row(i)}, (column0 + ${
          code.column(j)
        }) / 4u, batch * params.heads + head));`
      )
      : unroll(
        rowGroups,
        (g) =>
          unroll(
            groups,
            (j) =>
              unroll(4, (e) =>
                `{ let keep = kept(column0 + ${code.column(j)} + ${e}u, (row0 + ${
                  code.row(4 * g)
                }) / 4u, batch * params.heads + head); ${
                  join(4, " ", (r) => {
                    const at = `s${4 * g + r}_${j}[${e}]`;
                    return `${at} = select(-${at}, ${at}, keep[${r}]);`;
                  })
                } }`),
          ),
      );
  const run = (product: AttentionProduct) => compute(code, product);
  /** Weights in place of scores, which are made first. */
  const makeWeights = () =>
    [
      code.declare(s),
      run(scores(code, s, widthQk, ofRows(own), ofColumns(other, "k"))),
      code.scale(s, "scale"),
      code.hide(s, mask, ofQueries ? "queries" : "keys"),
      withStats("x", (i, j) => `s${i}_${j} = exp2(s${i}_${j} - x);`),
      dropout ? dropped() : "",
    ].join("\n");
  /** dY·Vᵀ, of which each of two sides makes a half of the sum. */
  const multiplyDY = () =>
    [
      code.declare(dp),
      run(
        ofQueries
          ? scores(code, dp, ofSide, ofRows("dy"), ofColumns("v", "k"))
          : scores(code, dp, ofSide, ofRows("v"), ofColumns("dy", "k")),
      ),
      maps === 1 ? "" : code.exchange(dp, (i, j, half) => `dp${i}_${j} += ${half};`),
    ].join("\n");
  /** dS in place of the weights, from dp = dY·Vᵀ. */
  const scoreGradients = () =>
    withStats("y", (i, j) => {
      const w = `s${i}_${j}`, d = `dp${i}_${j}`;
      return dropout
        ? `${w} = abs(${w}) * (select(vec4f(0.0), params.factor * ${d}, ${w} > vec4f(0.0)) - x);`
        : `${w} *= ${maps === 1 ? "" : "sign * "}(${d} - x);`;
    });
  /** P₁ − λ·P₂, which both sides need. */
  const combineWeights = () =>
    code.declare(combined) + code.exchange(s, (i, j, other) => {
      const w = `s${i}_${j}`;
      return `{ let other = ${other}; w${i}_${j} = select(${w}, other, second) - lambda_value * select(other, ${w}, second); }`;
    });
  const addValues = () =>
    (maps === 1 ? "" : combineWeights()) +
    run(weighted(code, dv, ofSide, ofColumns("dy", "mn"), (g, j, e) => {
      const w = code.across(maps === 1 ? "s" : "w", g, j, e);
      return dropout ? `select(${w}, vec4f(0.0), ${w} < vec4f(0.0))` : w;
    }));
  const addResult = () =>
    run(
      weighted(
        code,
        result,
        widthQk,
        ofColumns(other, "mn"),
        (g, j, e) => code.across("s", g, j, e),
      ),
    );

  /** How a result is written; `names` of what there is one of for each side. */
  const target = (name: "q" | "k" | "v", names: readonly string[]) => {
    const [width, time] = name === "v" ? [widthV, "time_k"] : [widthQk, `time_${name}`];
    const size = `grid.z * params.${time} * params.heads * ${width}u`;
    const one = (to: string, at: string) =>
      parts === 1
        ? `${to}[${at}] = value;`
        : `if (share == 0u) { ${to}[${at}] = value; } else { parts_of_${to}[(share - 1u) * ${size}${
          vector ? " / 4u" : ""
        } + ${at}] = value; }`;
    return {
      write: (at: string, value: string) =>
        `{ let value = ${value}; ${
          names.length === 1
            ? one(names[0], at)
            : `if (second) { ${one(names[1], at)} } else { ${one(names[0], at)} }`
        } }`,
      vector,
      base: name === "v" ? `(base_v${toSide})` : `base_${name}`,
      stride: `params.stride_${name}`,
    };
  };
  const ownTime = ofQueries ? "params.time_q" : "params.time_k";
  const ownNames = packed
    ? ["dqkv"]
    : Array.from({ length: maps }, (_, map) => numbered(`d${own}`, map, maps));

  // With a causal mask the last queries and the first keys have most to do: they start first.
  return wgsl`
  ${
    maps === 1 ? "" : wgsl`
  let lambda_value = lambda[0];
  let sign = select(1.0, -lambda_value, second);`
  }
  ${length ? `let values_of_side = select(${ofSide}u, ${widthV - ofSide}u, second);` : ""}
  ${
    ofQueries
      ? wgsl`
  let row0 = (grid.y - 1u - group.y) * ${tile.rows}u;
  let first = 0u;
  let end = ${mask.causal ? `min(key_end, row0 + ${tile.rows}u + shift)` : "key_end"};`
      : wgsl`
  let row0 = group.y * ${tile.rows}u;
  let first = ${
        mask.causal ? `(max(row0, shift) - shift) / ${tile.columns}u * ${tile.columns}u` : "0u"
      };
  let end = select(0u, params.time_q, row0 < key_end);`
  }
  ${
    parts === 1 ? "let column_first = first; let column_end = end;" : wgsl`
  let blocks = (max(end, first) - first + ${tile.columns - 1}u) / ${tile.columns}u;
  let length = (blocks + ${parts - 1}u) / ${parts}u * ${tile.columns}u;
  let column_first = first + share * length;
  let column_end = min(end, column_first + length);`
  }
  ${code.declare(result)}
  ${ofQueries ? "" : code.declare(dv)}
  for (var column0 = column_first; column0 < column_end; column0 += ${tile.columns}u) {
    ${ofQueries ? multiplyDY() + makeWeights() : makeWeights() + addValues() + multiplyDY()}
    ${scoreGradients()}
    ${addResult()}
  }
  ${
    code.store(
      result,
      target(own, ownNames),
      "row0",
      ownTime,
      `${widthQk}u`,
      () => "params.scale",
    )
  }
  ${
    ofQueries ? "" : code.store(
      dv,
      target("v", [packed ? "dqkv" : "dv"]),
      "row0",
      ownTime,
      length ?? `${ofSide}u`,
      () => dropout ? "params.factor" : "1.0",
    )
  }`;
}
