/**
 * Y = alpha · A · B (+ bias) (+ Y), batched, in the four orientations.
 *
 * Shapes: A is M × K, B is K × N, Y is M × N. Each may be stored either way round: with
 * `transposeA` A lies in memory as [K, M], with `transposeB` B lies as [N, K]. Memory rows may be
 * longer than the matrix (`strideA`, … in elements).
 *
 * Work: 2·M·N·K operations. A workgroup computes a tile of Y (see tile.ts); the grid is
 * [M tiles, N tiles, batch or parts]. Neighbouring workgroups share their columns of B and go
 * through all rows of A, which stay in the cache. Bytes: A is read N / tile.n times, B M / tile.m.
 *
 * Where B is f16, it is widened to f32 as it is loaded. Where A is f16 too, products are f16, summed by
 * steps (see tile.ts). `checked`: an element whose sum overflowed or is no number becomes 3e38, after
 * the activation, which might hide it.
 *
 * `exponentials`: Y becomes exp(Y − r) with a reference r for each row, see exponentials.ts, zeros in what
 * follows its columns up to `params.written`.
 *
 * When M · N has too few tiles to fill the device, K is cut into parts. The first one's product goes to Y,
 * those of the others lie side by side; kernels/sum_parts.ts adds them in order. No atomics: same bits
 * every run.
 */
import { NORMAL4, RELU4, TANH4 } from "./activation.ts";
import { defineKernel, join, unroll, wgsl } from "./kernel.ts";
import { NOT_FINITE, OVERFLOWED } from "./not_finite.ts";
import {
  arrayOf,
  columnGroups,
  declareAccumulators,
  multiplyHalfStep,
  multiplyStep,
  operandStaging,
  rowsPerThread,
  threadIndex,
  tileColumn,
  tileRow,
  type TileShape,
  tileThreads,
} from "./tile.ts";
import { exponentialsOfRow, REFERENCE, TileRowSums } from "./exponentials.ts";
import { DirectTile } from "./tile_direct.ts";
import { type Operand, tileLoader } from "./tile_loader.ts";

/** What is done to a product before it is written. */
export type Activation = "none" | "gelu" | "gelu_tanh" | "relu" | "tanh" | "softcap";

/** Compile-time constants of a matrix product. */
export interface MatmulConstants {
  tile: TileShape;
  transposeA: boolean;
  transposeB: boolean;
  /** Whether memory rows of A, B and Y are multiples of four elements. */
  vectorA: boolean;
  vectorB: boolean;
  vectorY: boolean;
  /** Whether A and B are f16; A alone cannot be. */
  half?: "b" | "both";
  /** Whether K is a multiple of tile.k. */
  wholeSteps?: boolean;
  /** Adds a bias to every column. */
  bias?: boolean;
  /** Applied after the bias. */
  activation?: Activation;
  /** Whether K is cut: the first part goes to Y, others to where they wait to be added. */
  parts?: boolean;
  /** Adds what Y holds already. */
  accumulate?: boolean;
  /** Adds another matrix, of Y's layout, last. */
  residual?: boolean;
  /** Marks sums that are not finite. */
  checked?: boolean;
  /** Multiplies every row with a factor of its own. */
  scaled?: boolean;
  /** Stores exponentials, marked where not finite, and sums of them. */
  exponentials?: boolean;
}

/** WGSL of an activation of `x`: vec4f. */
function activate(activation: Activation): string {
  switch (activation) {
    case "gelu":
      return "x * normal4(x)";
    case "gelu_tanh":
      return "0.5 * x * (1.0 + tanh4(0.7978845608028654 * (x + 0.044715 * x * x * x)))";
    case "relu":
      return RELU4;
    case "tanh":
      return "tanh4(x)";
    case "softcap":
      return "params.cap * tanh4(x / params.cap)";
    case "none":
      return "x";
  }
}

export const matmul = defineKernel("matmul", (c: MatmulConstants) => {
  const { tile, activation = "none" } = c;
  const halfB = c.half !== undefined, half = c.half === "both";
  const a: Operand = {
    binding: "a",
    order: c.transposeA ? "mn" : "k",
    vector: c.vectorA,
    half,
    base: "baseA",
    stride: "params.strideA",
  };
  const b: Operand = {
    binding: "b",
    order: c.transposeB ? "k" : "mn",
    vector: c.vectorB,
    half: halfB,
    base: "baseB",
    stride: "params.strideB",
  };
  const staged = tileLoader(tile, a, b, c.wholeSteps ?? false);
  const direct = tile.direct ? new DirectTile(tile, a, b, c.wholeSteps ?? false) : undefined;
  const rows = rowsPerThread(tile), groups = columnGroups(tile);
  const rowSums = c.exponentials ? new TileRowSums(tile) : undefined;
  const added = [...(c.residual ? ["residual"] : []), ...(c.accumulate ? ["y"] : [])];

  const put = (at: string, value: string) =>
    c.parts
      ? `if (part == 0u) { y[${at}] = ${value}; } else { parts[${at}] = ${value}; }`
      : `y[${at}] = ${value};`;
  /**
   * The factor is nearly always 1, but without it what NVIDIA's compiler makes of the whole kernel is 4 to
   * 20% slower (measured; we don't know why).
   */
  const value = (i: number, j: number) =>
    `params.alpha ${c.scaled ? `* scale${i} ` : ""}* acc${i}_${j}${c.bias ? ` + bias${j}` : ""}`;
  const overflow = (i: number, j: number) =>
    `(overflowed(acc${i}_${j})${c.bias ? ` | spoilt(bias${j})` : ""})`;
  const columnOf = (j: number) => `(n0 + ${tileColumn(tile, j)})`;
  const ofGroups = (piece: (j: number) => string) => join(groups, " ", piece);

  /** WGSL that loads what is added to the element of row i and column group j. */
  const load = (name: string, i: number, j: number) => {
    const row = `(m0 + ${tileRow(tile, i)})`;
    const at = `(baseY + ${row} * params.strideY + ${columnOf(j)})`;
    const exists = (e: number) =>
      `(${row} < params.m) & (${columnOf(j)} + ${e}u < params.n)${
        c.parts && name === "y" ? " & (part == 0u)" : ""
      }`;
    return `var ${name}${i}_${j} = vec4f(0.0); ${
      c.vectorY ? `if (${exists(0)}) { ${name}${i}_${j} = ${name}[${at} / 4u]; }` : join(
        4,
        " ",
        (e) => `if (${exists(e)}) { ${name}${i}_${j}[${e}] = ${name}[${at} + ${e}u]; }`,
      )
    }`;
  };
  /** WGSL of a finished element, `x`. */
  const finished = (i: number, j: number) =>
    `var x = ${value(i, j)};
      x = ${activate(activation)};
      ${c.checked ? `x = select(x, vec4f(3.0e38), ${overflow(i, j)});` : ""}
      ${added.map((name) => `x += ${name}${i}_${j};`).join(" ")}`;
  /** WGSL that finishes and stores an element, within `row`. */
  const finish = (i: number, j: number) =>
    `{ let column = ${columnOf(j)}; if (column < params.n) {
      ${finished(i, j)}
      let at = baseY + row * params.strideY + column;
      ${
      c.vectorY
        ? put("at / 4u", "x")
        : join(4, " ", (e) => `if (column + ${e}u < params.n) { ${put(`at + ${e}u`, `x[${e}]`)} }`)
    } } }`;
  /** The same for the exponentials of a row. */
  const exponentials = (i: number) =>
    `${exponentialsOfRow(groups, i, value, { spoilt: overflow, column: columnOf })} ${
      ofGroups((j) =>
        `if (${columnOf(j)} < params.written) { y[(baseY + row * params.strideY + ${
          columnOf(j)
        }) / 4u] = x${i}_${j}; }`
      )
    } total${i} = sum${i};`;
  /** WGSL that loads what a row has one of, as if rows beyond the matrix were its last. */
  const ofRow = (i: number) => {
    const row = `min(m0 + ${tileRow(tile, i)}, params.m - 1u)`;
    return `${c.scaled ? `let scale${i} = scales[${row}];` : ""} ${
      c.exponentials ? `let reference${i} = reference_of(${row});` : ""
    }`;
  };
  // Four rows at a time: what is added to them is loaded together, into registers that the operands need no
  // longer. A load behind a store would wait for it, since the compiler can't know that they differ.
  const fours = (piece: (rows: number[], g: number) => string) =>
    unroll(rows / 4, (g) => `{ ${piece([0, 1, 2, 3].map((r) => 4 * g + r), g)} }`);
  const storeSome = fours((four, g) =>
    `${four.map(ofRow).join("\n")} ${
      added.map((name) => four.map((i) => ofGroups((j) => load(name, i, j))).join("\n")).join("\n")
    } ${
      four.map((i) =>
        `${rowSums ? `var total${i} = 0.0; ` : ""}{ let row = m0 + ${
          tileRow(tile, i)
        }; if (row < params.m) { ${rowSums ? exponentials(i) : ofGroups((j) => finish(i, j))} } }`
      ).join("\n")
    } ${rowSums?.leave("total", g) ?? ""}`
  );
  // Nearly all tiles lie within the matrix: they need no conditions, which are two thirds of the above.
  const place = (i: number, j: number) => `at${i} + ${j * tile.threadsX}u`;
  const storeAll = fours((four, g) =>
    `${four.map(ofRow).join("\n")} ${
      four.map((i) =>
        `let at${i} = (baseY + (m0 + ${tileRow(tile, i)}) * params.strideY + n0 + tx * 4u) / 4u;`
      ).join("\n")
    } ${
      added.map((name) => {
        const all = (piece: (i: number, j: number) => string) =>
          four.map((i) => ofGroups((j) => piece(i, j))).join("\n");
        return name === "y" && c.parts
          ? `${all((i, j) => `var y${i}_${j} = vec4f(0.0);`)} if (part == 0u) { ${
            all((i, j) => `y${i}_${j} = y[${place(i, j)}];`)
          } }`
          : all((i, j) => `let ${name}${i}_${j} = ${name}[${place(i, j)}];`);
      }).join("\n")
    } ${
      four.map((i) =>
        rowSums
          ? `${exponentialsOfRow(groups, i, value)} ${
            ofGroups((j) => `y[${place(i, j)}] = x${i}_${j};`)
          }`
          : ofGroups((j) => `{ ${finished(i, j)} ${put(place(i, j), "x")} }`)
      ).join("\n")
    } ${rowSums?.leave("sum", g) ?? ""}`
  );
  const inside = `(m0 + ${tile.m}u <= params.m) & (n0 + ${tile.n}u <= params.n)`;
  const store = [
    c.bias
      ? unroll(
        groups,
        (j) =>
          `let bias${j} = vec4f(${
            join(4, ", ", (e) => `bias[min(${columnOf(j)} + ${e}u, params.n - 1u)]`)
          });`,
      )
      : "",
    tile.direct || !c.vectorY ? storeSome : wgsl`${rowSums ? "var is_odd = false;" : ""}
  let inside = ${inside};
  if (inside) { ${storeAll} }
  if (!inside${rowSums ? " | is_odd" : ""}) { ${storeSome} }`,
    rowSums?.store() ?? "",
  ];

  return {
    bindings: {
      a: `read ${arrayOf(c.vectorA, half)}` as const,
      b: `read ${arrayOf(c.vectorB, halfB)}` as const,
      y: `write ${arrayOf(c.vectorY)}` as const,
      ...(c.parts ? { parts: `write ${arrayOf(c.vectorY)}` as const } : {}),
      ...(c.bias ? { bias: "read array<f32>" as const } : {}),
      ...(c.residual ? { residual: `read ${arrayOf(c.vectorY)}` as const } : {}),
      ...(c.scaled ? { scales: "read array<f32>" as const } : {}),
      ...(c.exponentials
        ? { reference: "read array<f32>" as const, sums: "write array<vec4f>" as const }
        : {}),
    },
    params: {
      m: "u32",
      n: "u32",
      k: "u32",
      strideA: "u32",
      strideB: "u32",
      strideY: "u32",
      batchA: "u32",
      batchB: "u32",
      batchY: "u32",
      /** How many k a part has: whole steps of any tile. */
      partK: "u32",
      alpha: "f32",
      cap: "f32",
      ...(c.exponentials
        ? {
          /** Columns of Y that are written: those beyond its own are zeros. */
          written: "u32" as const,
          /** Fours from one sum of a row to the next, and place among them of this product's first. */
          sumStride: "u32" as const,
          firstSum: "u32" as const,
        }
        : {}),
    },
    workgroup: [tileThreads(tile), 1, 1],
    tile: { m: tile.m, n: tile.n, k: tile.k },
    f16: halfB,
    code: wgsl`
${direct ? "" : operandStaging("stageA", tile.k, tile.m, half)}
${direct ? "" : operandStaging("stageB", tile.k, tile.n, half)}
${c.checked || c.exponentials ? OVERFLOWED : ""}${
      rowSums ? NOT_FINITE + REFERENCE + rowSums.declare() : ""
    }${["gelu_tanh", "tanh", "softcap"].includes(activation) ? TANH4 : ""}
${activation === "gelu" ? NORMAL4 : ""}
@compute @workgroup_size(${tileThreads(tile)})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${threadIndex(tile)}
  let m0 = group.x * ${tile.m}u;
  let n0 = group.y * ${tile.n}u;
  let batch = ${c.parts ? "0u" : "group.z"};
  let part = ${c.parts ? "group.z" : "0u"};
  let baseA = batch * params.batchA;
  let baseB = batch * params.batchB;
  let baseY = ${c.parts ? "(max(part, 1u) - 1u)" : "batch"} * params.batchY;
  let steps = (params.k + ${tile.k - 1}u) / ${tile.k}u;
  let first = part * (params.partK / ${tile.k}u);
  let last = min(steps, first + params.partK / ${tile.k}u);
  ${declareAccumulators(tile, half)}
  ${
      direct
        ? wgsl`${direct.declare()}
  ${direct.aim("m0", "n0")}
  for (var step = first; step < last; step++) { ${direct.step("step", "params.k")} }`
        : wgsl`${staged.declare()}
  ${staged.aim("m0", "n0")}
  ${staged.load("first", "params.k")}
  for (var step = first; step < last; step++) {
    ${staged.store()}
    workgroupBarrier();
    // After the last step this reads what nobody uses, which costs less than a condition.
    ${staged.load("(step + 1u)", "params.k")}
    ${half ? multiplyHalfStep(tile, "step", "step + 1u == last") : multiplyStep(tile)}
    workgroupBarrier();
  }`
    }
  ${store}
}`,
  };
});
