/**
 * Softmax attention without its T × T matrix: y = softmax(scale·Q·Kᵀ + mask)·V and, per query, the
 * log-sum-exp of its scores (Dao, "FlashAttention-2", 2023, algorithm 1).
 *
 * Shapes: q [B, Tq, H, d], k [B, Tk, H, d], v [B, Tk, H, dv], y [B, Tq, H, dv], lse [B, H, Tq]
 * (base 2, so that no logarithm of e is multiplied in again). `packed`: q, k, v are the parts of one
 * binding [B, T, 3·H·d], as GPT-2's c_attn writes them; strides and offsets tell. With two maps
 * (differential attention), q₁, k₁ and q₂, k₂ share v, and y₂, lse₂ are those of the second.
 *
 * Work: a workgroup owns a block of queries of one head and walks over blocks of keys, see
 * attention_tile.ts: scores into registers; their maxima, exchanged through workgroup memory; what
 * was summed so far rescaled; weights times V, added to the registers of the result. 2·(d + dv)
 * operations an entry of the score matrix; half the entries for causal masks, whose blocks beyond the
 * diagonal are never visited; the longest blocks start first. Bytes: q and y once, k and v once for
 * each block of queries, mostly from the cache.
 */
import {
  ATTENTION_PARAMS,
  type AttentionMask,
  DROPOUT_PARAMS,
  headBases,
  KEPT,
  keyEnd,
} from "./attention_problem.ts";
import { compute, scores, weighted } from "./attention_product.ts";
import { AttentionCode, type AttentionTile } from "./attention_tile.ts";
import { type BindingType, defineKernel, join, unroll, wgsl } from "./kernel.ts";

/** Compile-time constants of the attention kernels. */
export interface AttentionConstants {
  tile: AttentionTile;
  mask: AttentionMask;
  widthQk: number;
  widthV: number;
  /** Whether both widths are multiples of four. */
  vector: boolean;
  packed: boolean;
  dropout: boolean;
  /** Two for differential attention (default 1): both in one dispatch, see `headBases`. */
  maps?: 1 | 2;
}

/** Smaller than any score, but not than what `hide` gives those that do not count. */
const LOWEST = "-1.0e30";

/** The log-sum-exp of a query that sees no key: every weight becomes 0. */
const NOTHING = "1.0e30";

/**
 * WGSL of `instead` where a query sees no key, whose weights then add up to nothing, else of `value`. A
 * sum that is no number is not mistaken for that; with a mask of keys, one of scores that are all −∞ is.
 */
function unlessNothing({ keys }: AttentionMask, value: string, instead: string, total: string) {
  if (keys === "all") return value;
  const zero = instead.startsWith("vec4f") ? "vec4f(0.0)" : "0.0";
  const nothing = keys === "lengths" ? "key_end == 0u" : `${total} == ${zero}`;
  return `select(${value}, ${instead}, ${nothing})`;
}

export const attention = defineKernel("attention", (c: AttentionConstants) => {
  const { tile, mask, widthQk, widthV, vector, packed, dropout, maps = 1 } = c;
  const code = new AttentionCode(tile, widthV);
  const { rowGroups, groups } = code;
  const element = vector ? "array<vec4f>" : "array<f32>";
  const s = { name: "s", groups }, o = { name: "o", groups: code.groupsFor(widthV) };
  const operand = (name: "q" | "k" | "v") => ({
    bindings: packed ? ["qkv"] : maps === 1 || name === "v" ? [name] : [`${name}1`, `${name}2`],
    order: name === "v" ? "mn" as const : "k" as const,
    vector,
    base: `base_${name}`,
    stride: `params.stride_${name}`,
    rows: name === "q" ? "params.time_q" : "params.time_k",
  });
  const write = (name: "y" | "lse") => (at: string, value: string) =>
    maps === 1
      ? `${name}[${at}] = ${value};`
      : `{ let value = ${value}; if (second) { ${name}2[${at}] = value; } else { ${name}[${at}] = value; } }`;
  const inputs = maps === 1 ? ["q", "k", "v"] : ["q1", "k1", "q2", "k2", "v"];
  const read = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, `read ${element}` as BindingType]));

  /**
   * The largest (sum) over a row's columns of four rows' values, from all threads of the row, through
   * where A is staged between two products.
   */
  const exchange = (from: string, into: string, combine: (a: string, b: string) => string) =>
    wgsl`
${unroll(rowGroups, (g) => `stageA[tx][ty + ${g * tile.threadsY}u] = ${from}${g};`)}
workgroupBarrier();
${
      unroll(rowGroups, (g) =>
        unroll(
          tile.threadsX,
          (t) =>
            `${into}${g} = ${combine(`${into}${g}`, `stageA[${t}][ty + ${g * tile.threadsY}u]`)};`,
        ))
    }
workgroupBarrier();`;
  const product = scores(code, s, widthQk, { operand: operand("q"), first: "row0" }, {
    operand: operand("k"),
    first: "column0",
  });
  const result = weighted(
    code,
    o,
    widthV,
    { operand: operand("v"), first: "column0" },
    (g, j, e) => code.across("s", g, j, e),
  );
  const overGroups = (operation: string, piece: (j: number) => string) =>
    Array.from({ length: groups }, (_, j) => piece(j)).reduce((a, b) => `${operation}(${a}, ${b})`);

  return {
    bindings: {
      ...read(packed ? ["qkv"] : inputs),
      ...(mask.keys === "all" ? {} : { keys: "read array<i32>" as const }),
      y: `write ${element}` as const,
      lse: "write array<f32>" as const,
      ...(maps === 1 ? {} : { y2: `write ${element}` as const, lse2: "write array<f32>" as const }),
    },
    params: { ...ATTENTION_PARAMS, ...(dropout ? DROPOUT_PARAMS : {}) },
    workgroup: [code.threads, 1, 1],
    tile: { rows: tile.rows, shares: maps },
    code: wgsl`
${code.memory()}
${dropout ? KEPT : ""}
fn sum4(x: vec4f) -> f32 { return (x.x + x.y) + (x.z + x.w); }
fn max4(x: vec4f) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }
@compute @workgroup_size(${code.threads})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  ${code.index()}
  ${headBases(widthQk, widthV, maps)}
  ${maps === 2 ? "let second = share == 1u;" : ""}
  let row0 = (grid.y - 1u - group.y) * ${tile.rows}u;
  ${keyEnd(mask)}
  ${mask.causal ? "let shift = params.time_k - params.time_q;" : ""}
  let column_end = ${mask.causal ? `min(key_end, row0 + ${tile.rows}u + shift)` : "key_end"};
  ${code.declare(o)}
  ${
      unroll(
        rowGroups,
        (g) => `var most${g} = vec4f(${LOWEST}); var total${g} = vec4f(0.0);`,
      )
    }
  for (var column0 = 0u; column0 < column_end; column0 += ${tile.columns}u) {
    ${code.declare(s)}
    ${compute(code, product)}
    // Scores in base 2.
    let scale = params.scale * 1.4426950408889634;
    ${code.scale(s, "scale")}
    ${code.hide(s, mask, "queries")}
    ${
      unroll(rowGroups, (g) =>
        `let before${g} = most${g}; let own${g} = vec4f(${
          join(4, ", ", (r) =>
            `max4(${overGroups("max", (j) => `s${4 * g + r}_${j}`)})`)
        });`)
    }
    ${exchange("own", "most", (a, b) => `max(${a}, ${b})`)}
    ${
      unroll(rowGroups, (g) =>
        `let shrink${g} = exp2(before${g} - most${g}); total${g} *= shrink${g};`)
    }
    ${
      unroll(code.threadRows, (i) =>
        `{ let largest = most${i >> 2}[${i & 3}]; ${
          unroll(groups, (j) =>
            `s${i}_${j} = exp2(s${i}_${j} - largest);`)
        } total${i >> 2}[${i & 3}] += sum4(${join(groups, " + ", (j) => `s${i}_${j}`)}); ${
          unroll(o.groups, (j) => `o${i}_${j} *= shrink${i >> 2}[${i & 3}];`)
        } }`)
    }
    ${
      dropout
        ? unroll(code.threadRows, (i) =>
          unroll(groups, (j) =>
            `s${i}_${j} = select(vec4f(0.0), s${i}_${j}, kept(row0 + ${code.row(i)}, (column0 + ${
              code.column(j)
            }) / 4u, batch * params.heads + head));`))
        : ""
    }
    ${compute(code, result)}
  }
  ${unroll(rowGroups, (g) => `let own${g} = total${g}; total${g} = vec4f(0.0);`)}
  ${exchange("own", "total", (a, b) => `${a} + ${b}`)}
  ${
      unroll(rowGroups, (g) =>
        `let over${g} = ${
          unlessNothing(
            mask,
            `${dropout ? "params.factor" : "1.0"} / total${g}`,
            "vec4f(0.0)",
            `total${g}`,
          )
        };`)
    }
  ${
      code.store(
        o,
        { write: write("y"), vector, base: "base_y", stride: `(params.heads * ${widthV}u)` },
        "row0",
        "params.time_q",
        `${widthV}u`,
        (i) => `over${i >> 2}[${i & 3}]`,
      )
    }
  if (tx == 0u) {
    ${
      unroll(code.threadRows, (i) =>
        `if (row0 + ${code.row(i)} < params.time_q) { ${
          write("lse")(
            `base_stats + row0 + ${code.row(i)}`,
            unlessNothing(
              mask,
              `most${i >> 2}[${i & 3}] + log2(total${i >> 2}[${i & 3}])`,
              NOTHING,
              `total${i >> 2}[${i & 3}]`,
            ),
          )
        } }`)
    }
  }
}`,
  };
});
