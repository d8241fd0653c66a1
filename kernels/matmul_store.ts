/**
 * The end of a matrix product (matmul.ts): what is done to the sums of a tile's elements, and their way to
 * device memory.
 */
import { NORMAL4, RELU4, TANH4 } from "./activation.ts";
import { exponentialsOfRow, REFERENCE, TileRowSums } from "./exponentials.ts";
import { join, unroll, wgsl } from "./kernel.ts";
import type { Activation, MatmulConstants } from "./matmul.ts";
import { NOT_FINITE, OVERFLOWED } from "./not_finite.ts";
import { columnGroups, rowsPerThread, tileColumn, tileRow } from "./tile.ts";

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

/**
 * WGSL of a product's end, and of what it declares outside of the entry point.
 *
 * @param own behind the names of the bindings.
 */
export function endOfProduct(
  c: MatmulConstants,
  own: string,
): { declarations: string; store: string } {
  const { tile, activation = "none" } = c;
  const rows = rowsPerThread(tile), groups = columnGroups(tile);
  const rowSums = c.exponentials ? new TileRowSums(tile) : undefined;
  const added = [...(c.residual ? ["residual"] : []), ...(c.accumulate ? ["y"] : [])];

  const put = (at: string, value: string) =>
    c.parts
      ? `if (part == 0u) { y${own}[${at}] = ${value}; } else { parts${own}[${at}] = ${value}; }`
      : `y${own}[${at}] = ${value};`;
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
      c.vectorY ? `if (${exists(0)}) { ${name}${i}_${j} = ${name}${own}[${at} / 4u]; }` : join(
        4,
        " ",
        (e) => `if (${exists(e)}) { ${name}${i}_${j}[${e}] = ${name}${own}[${at} + ${e}u]; }`,
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
        `if (${columnOf(j)} < params.written) { y${own}[(baseY + row * params.strideY + ${
          columnOf(j)
        }) / 4u] = x${i}_${j}; }`
      )
    } total${i} = sum${i};`;
  /** WGSL that loads what a row has one of, as if rows beyond the matrix were its last. */
  const ofRow = (i: number) => {
    const row = `min(m0 + ${tileRow(tile, i)}, params.m - 1u)`;
    return `${c.scaled ? `let scale${i} = scales${own}[${row}];` : ""} ${
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
            all((i, j) => `y${i}_${j} = y${own}[${place(i, j)}];`)
          } }`
          : all((i, j) => `let ${name}${i}_${j} = ${name}${own}[${place(i, j)}];`);
      }).join("\n")
    } ${
      four.map((i) =>
        rowSums
          ? `${exponentialsOfRow(groups, i, value)} ${
            ofGroups((j) => `y${own}[${place(i, j)}] = x${i}_${j};`)
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
            join(4, ", ", (e) => `bias${own}[min(${columnOf(j)} + ${e}u, params.n - 1u)]`)
          });`,
      )
      : "",
    tile.direct || !c.vectorY ? storeSome : wgsl`${rowSums ? "var is_odd = false;" : ""}
  let inside = ${inside};
  if (inside) { ${storeAll} }
  if (!inside${rowSums ? " | is_odd" : ""}) { ${storeSome} }`,
    rowSums?.store() ?? "",
  ];

  const declarations = wgsl`${c.checked || c.exponentials ? OVERFLOWED : ""}${
    rowSums ? NOT_FINITE + REFERENCE + rowSums.declare() : ""
  }${["gelu_tanh", "tanh", "softcap"].includes(activation) ? TANH4 : ""}
${activation === "gelu" ? NORMAL4 : ""}`;
  return { declarations, store: store.join("\n") };
}
