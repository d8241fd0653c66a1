/** What a workgroup does for the gradients of attention: see attention_gradient.ts. */
import { type AttentionProduct, compute, scores, weighted } from "./attention_product.ts";
import type { Accumulators, AttentionCode } from "./attention_tile.ts";
import type { AttentionConstants } from "./attention.ts";
import { join, unroll, wgsl } from "./kernel.ts";

/** What a kernel computes the gradients of; "keys and values" for one map, two take too many registers. */
export type GradientOf = "queries" | "keys" | "values" | "keys and values";

/** The name of what there is one of for each map. */
export function numbered(name: string, map: number, maps: 1 | 2): string {
  return maps === 1 ? name : `${name}${map + 1}`;
}

/** WGSL of what a workgroup does, which knows `share`. */
export function gradientWork(
  code: AttentionCode,
  c: AttentionConstants & { maps: 1 | 2; of: GradientOf; parts?: number },
): string {
  const { tile, mask, widthQk, widthV, vector, packed, dropout, maps, of, parts = 1 } = c;
  const ofQueries = of === "queries", ofValues = of.endsWith("values");
  const { rowGroups, groups, threadRows } = code;
  const operand = (name: "q" | "k" | "v" | "dy", order: "k" | "mn", map = 0) => ({
    bindings: [
      name === "dy" ? "dy" : packed ? "qkv" : name === "v" ? "v" : numbered(name, map, maps),
    ],
    order,
    vector,
    base: name === "dy" ? "base_y" : `base_${name}`,
    stride: name === "dy" ? `(params.heads * ${widthV}u)` : `params.stride_${name}`,
    rows: name === "q" || name === "dy" ? "params.time_q" : "params.time_k",
  });
  const [own, other] = ofQueries ? ["q", "k"] as const : ["k", "q"] as const;
  const ofColumns = (name: "q" | "k" | "v" | "dy", order: "k" | "mn", map = 0) => ({
    operand: operand(name, order, map),
    first: "column0",
  });
  const ofRows = (name: "q" | "k" | "v" | "dy", map = 0) => ({
    operand: operand(name, "k", map),
    first: "row0",
  });

  const accumulators = (name: string, width?: number) => ({
    name,
    groups: width === undefined ? groups : code.groupsFor(width),
  });
  const s = accumulators("s"), otherS = accumulators("other_s");
  const dp = accumulators("dp"), dv = accumulators("dv_", widthV);
  const results = of === "values"
    ? []
    : ["result", "other_result"].slice(0, maps).map((name) => accumulators(name, widthQk));

  /** WGSL of (lse, D) of a query, as one value. */
  const statsOf = (query: string) => `stats[base_stats + min(${query}, params.time_q - 1u)]`;
  const statsOfRow = (i: number) => statsOf(`row0 + ${code.row(i)}`);
  const statsOfColumn = (j: number, e: number) => statsOf(`column0 + ${code.column(j)} + ${e}u`);
  const each = (piece: (i: number, j: number) => string) =>
    unroll(threadRows, (i) => join(groups, " ", (j) => piece(i, j)));
  /** WGSL that does `piece` to every score of a thread, `x` being a component of its query's statistics. */
  const withStats = (component: string, piece: (i: number, j: number) => string) =>
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
  const dropped = (name: string) =>
    ofQueries
      ? each((i, j) =>
        `${name}${i}_${j} = select(-${name}${i}_${j}, ${name}${i}_${j}, kept(row0 + ${
          code.row(i)
        }, (column0 + ${code.column(j)}) / 4u, batch * params.heads + head));`
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
                    const at = `${name}${4 * g + r}_${j}[${e}]`;
                    return `${at} = select(-${at}, ${at}, keep[${r}]);`;
                  })
                } }`),
          ),
      );
  const run = (product: AttentionProduct) => compute(code, product);
  const makeWeights = (x: Accumulators, map: number) =>
    [
      code.declare(x),
      run(scores(code, x, widthQk, ofRows(own, map), ofColumns(other, "k", map))),
      code.scale(x, "scale"),
      code.hide(x, mask, ofQueries ? "queries" : "keys"),
      withStats("xz"[map], (i, j) => {
        const w = `${x.name}${i}_${j}`;
        return `${w} = exp2(${w} - x);`;
      }),
      dropout ? dropped(x.name) : "",
    ].join("\n");
  /** dS in place of the weights, from dp = dY·Vᵀ. */
  const scoreGradients = (map: number) =>
    withStats("yw"[map], (i, j) => {
      const w = `s${i}_${j}`, d = `dp${i}_${j}`;
      return dropout
        ? `${w} = abs(${w}) * (select(vec4f(0.0), params.factor * ${d}, ${w} > vec4f(0.0)) - x);`
        : `${w} *= ${map === 1 ? "-lambda_value * " : ""}(${d} - x);`;
    });
  const across = (g: number, j: number, e: number) => code.across("s", g, j, e);
  const kept = (g: number, j: number, e: number) => {
    const w = across(g, j, e);
    return dropout ? `select(${w}, vec4f(0.0), ${w} < vec4f(0.0))` : w;
  };
  const addValues = () => run(weighted(code, dv, widthV, ofColumns("dy", "mn"), kept));

  // Only one map's weights are alive at a time, beside dY·Vᵀ, which serves both.
  const forScores = () => [
    code.declare(dp),
    run(
      ofQueries
        ? scores(code, dp, widthV, ofRows("dy"), ofColumns("v", "k"))
        : scores(code, dp, widthV, ofRows("v"), ofColumns("dy", "k")),
    ),
    ...results.map((result, map) =>
      [
        "{",
        makeWeights(s, map),
        ofValues ? addValues() : "",
        scoreGradients(map),
        run(weighted(code, result, widthQk, ofColumns(other, "mn", map), across)),
        "}",
      ].join("\n")
    ),
  ];
  const forValues = () => [
    makeWeights(s, 0),
    ...(maps === 1 ? [] : [
      makeWeights(otherS, 1),
      each((i, j) => `s${i}_${j} -= lambda_value * other_s${i}_${j};`),
    ]),
    addValues(),
  ];

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
    ${of === "values" ? forValues() : forScores()}
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
