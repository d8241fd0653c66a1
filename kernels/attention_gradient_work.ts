/** What a workgroup does for the gradients of attention: see attention_gradient.ts. */
import { type AttentionProduct, compute, scores, weighted } from "./attention_product.ts";
import type { Accumulators, AttentionCode } from "./attention_tile.ts";
import type { AttentionConstants } from "./attention.ts";
import { join, unroll, wgsl } from "./kernel.ts";

/** What a kernel computes the gradients of; with two maps "keys and values" is slower than each alone. */
export type GradientOf = "queries" | "keys" | "values" | "keys and values";

/** The name of what there is one of for each map. */
export function numbered(name: string, map: number, maps: 1 | 2): string {
  return maps === 1 ? name : `${name}${map + 1}`;
}

/** WGSL of what a workgroup does, which knows `share`. */
export function gradientWork(
  code: AttentionCode,
  c: AttentionConstants & { maps: 1 | 2; of: GradientOf; parts?: number; looped?: boolean },
): string {
  const { tile, mask, widthQk, widthV, vector, packed, dropout, maps, of, parts = 1, looped } = c;
  const ofQueries = of === "queries", ofValues = of.endsWith("values");
  const { rowGroups, groups, threadRows } = code;
  const operand = (name: "q" | "k" | "v" | "dy", order: "k" | "mn") => ({
    bindings: name === "dy" || (name === "v" && !packed)
      ? [name]
      : packed
      ? ["qkv"]
      : Array.from({ length: maps }, (_, map) => numbered(name, map, maps)),
    order,
    vector,
    base: name === "dy" ? "base_y" : `base_${name}`,
    stride: name === "dy" ? `(params.heads * ${widthV}u)` : `params.stride_${name}`,
    rows: name === "q" || name === "dy" ? "params.time_q" : "params.time_k",
  });
  const [own, other] = ofQueries ? ["q", "k"] as const : ["k", "q"] as const;
  const ofColumns = (name: "q" | "k" | "v" | "dy", order: "k" | "mn") => ({
    operand: operand(name, order),
    first: "column0",
  });
  const ofRows = (name: "q" | "k" | "v" | "dy") => ({
    operand: operand(name, "k"),
    first: "row0",
  });

  const accumulators = (name: string, width?: number) => ({
    name,
    groups: width === undefined ? groups : code.groupsFor(width),
  });
  const s = accumulators("s"), otherS = accumulators("other_s");
  const dp = accumulators("dp"), dv = accumulators("dv_", widthV);
  const names = of === "values" ? [] : ["result", "other_result"].slice(0, maps);
  const results = names.map((name) => accumulators(name, widthQk));

  /** WGSL of (lse, D) of a query, as one value. */
  const statsOf = (query: string) => `stats[base_stats + min(${query}, params.time_q - 1u)]`;
  const statsOfRow = (i: number) => statsOf(`row0 + ${code.row(i)}`);
  const statsOfColumn = (j: number, e: number) => statsOf(`column0 + ${code.column(j)} + ${e}u`);
  const each = (piece: (i: number, j: number) => string) =>
    unroll(threadRows, (i) => join(groups, " ", (j) => piece(i, j)));
  /** WGSL of a map's lse ("x") or D ("y"), of those of a query. */
  const ofMap = (component: "x" | "y", stats: string) =>
    maps === 1
      ? `${stats}.${component}`
      : `select(${stats}.${component}, ${stats}.${component === "x" ? "z" : "w"}, second)`;
  /** WGSL that does `piece` to every score of a thread, `x` being what there is of its query. */
  const withStats = (component: "x" | "y", piece: (i: number, j: number) => string) =>
    ofQueries
      ? unroll(
        threadRows,
        (i) =>
          `{ let x = ${ofMap(component, statsOfRow(i))}; ${
            join(groups, " ", (j) => piece(i, j))
          } }`,
      )
      : unroll(
        groups,
        (j) =>
          `{ let x = vec4f(${join(4, ", ", (e) => ofMap(component, statsOfColumn(j, e)))}); ${
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
  /** A map's weights in place of its scores, which are made first. */
  const makeWeights = () =>
    [
      code.clear(s),
      run(scores(code, s, widthQk, ofRows(own), ofColumns(other, "k"))),
      code.scale(s, "scale"),
      code.hide(s, mask, ofQueries ? "queries" : "keys"),
      withStats("x", (i, j) => `s${i}_${j} = exp2(s${i}_${j} - x);`),
      dropout ? dropped() : "",
    ].join("\n");
  /** dS in place of the weights, from dp = dY·Vᵀ. */
  const scoreGradients = () =>
    withStats("y", (i, j) => {
      const w = `s${i}_${j}`, d = `dp${i}_${j}`;
      return dropout
        ? `${w} = abs(${w}) * (select(vec4f(0.0), params.factor * ${d}, ${w} > vec4f(0.0)) - x);`
        : `${w} *= ${maps === 1 ? "" : "select(1.0, -lambda_value, second) * "}(${d} - x);`;
    });
  const across = (g: number, j: number, e: number) => code.across("s", g, j, e);
  const addValues = () =>
    run(weighted(code, dv, widthV, ofColumns("dy", "mn"), (g, j, e) => {
      const w = across(g, j, e);
      if (dropout) return `select(${w}, vec4f(0.0), ${w} < vec4f(0.0))`;
      return maps === 1 ? w : `${w} - lambda_value * ${code.across("other_s", g, j, e)}`;
    }));
  const addResult = () => run(weighted(code, results[0], widthQk, ofColumns(other, "mn"), across));
  /** Maps take turns with the first of each pair of registers; after two all are where they were. */
  const forEachMap = (work: string[], ...pairs: Accumulators[][]) => {
    if (maps === 1) return work.join("\n");
    const turn = [...work, ...pairs.map(([one, two]) => code.swap(one, two))].join("\n");
    return looped
      ? wgsl`for (var map = 0u; map < 2u; map++) { let second = map == 1u; ${turn} }`
      : unroll(2, (map) => wgsl`{ let second = ${String(map === 1)}; ${turn} }`);
  };
  const multiplyDY = () =>
    code.declare(dp) + run(
      ofQueries
        ? scores(code, dp, widthV, ofRows("dy"), ofColumns("v", "k"))
        : scores(code, dp, widthV, ofRows("v"), ofColumns("dy", "k")),
    );
  /** The weights of one map at a time, beside dY·Vᵀ, which serves both. */
  const withoutValues = () =>
    wgsl`${multiplyDY()}
${code.declare(s)}
${forEachMap([makeWeights(), scoreGradients(), addResult()], results)}`;
  /** The weights of both maps at once, of which values need the difference. */
  const withValues = () =>
    wgsl`${code.declare(s)}
${maps === 1 ? "" : code.declare(otherS)}
${forEachMap([makeWeights()], [s, otherS])}
${addValues()}
${of === "values" ? "" : multiplyDY()}
${of === "values" ? "" : forEachMap([scoreGradients(), addResult()], [s, otherS], results)}`;

  const target = (name: "q" | "k" | "v", map = 0) => {
    const to = packed ? "dqkv" : name === "v" ? "dv" : numbered(`d${name}`, map, maps);
    const [width, time] = name === "v" ? [widthV, "time_k"] : [widthQk, `time_${name}`];
    const size = `grid.z * params.${time} * params.heads * ${width}u`;
    return {
      write: (at: string, value: string) =>
        parts === 1
          ? `${to}[${at}] = ${value};`
          : `if (share == 0u) { ${to}[${at}] = ${value}; } else { parts_of_${to}[(share - 1u) * ${size}${
            vector ? " / 4u" : ""
          } + ${at}] = ${value}; }`,
      vector,
      base: `base_${name}`,
      stride: `params.stride_${name}`,
    };
  };
  const ownTime = ofQueries ? "params.time_q" : "params.time_k";

  // With a causal mask the last queries and the first keys have most to do: they start first.
  return wgsl`
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
  ${results.map((result) => code.declare(result))}
  ${ofValues ? code.declare(dv) : ""}
  for (var column0 = column_first; column0 < column_end; column0 += ${tile.columns}u) {
    ${ofValues ? withValues() : withoutValues()}
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
  }`;
}
