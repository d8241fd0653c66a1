/**
 * The tile of tile.ts without workgroup memory: every invocation reads its own rows of A and columns
 * of B from device memory, four k at a time, or one.
 *
 * For software adapters, where workgroup memory is nothing but memory, a barrier is a detour through
 * every invocation's saved registers, and compiling takes longer than running. There this variant
 * compiles in about half the time and runs faster; on a GPU the staged tile is the right one.
 *
 * What takes the time is loading: such an adapter computes eight invocations side by side and loads for
 * each of them by itself, at 100 cycles a number and more, against one for a multiply-add. So the more
 * rows and columns an invocation has, the better, up to what compiling costs; that goes with what is
 * unrolled, so invocations of many rows and columns take one k at a time.
 *
 * Elements are the same bits: one chain of fused multiply-adds with k ascending.
 */
import { join, unroll } from "./kernel.ts";
import { columnGroups, rowsPerThread, tileColumn, tileRow, type TileShape, XYZW } from "./tile.ts";
import type { Operand } from "./tile_loader.ts";

/** Product of a direct tile: {@linkcode declare}, {@linkcode aim} at a tile, {@linkcode step}s. */
export class DirectTile {
  readonly #tile: TileShape;
  readonly #a: Operand;
  readonly #b: Operand;
  readonly #wholeSteps: boolean;
  /** How many k a step has. */
  readonly #depth: 1 | 4;

  /** @param wholeSteps whether K is known to be a multiple of the tile's k. */
  constructor(tile: TileShape, a: Operand, b: Operand, wholeSteps: boolean) {
    if (tile.k !== 1 && tile.k !== 4) {
      throw new Error(`A direct tile has steps of one k or four, not ${tile.k}.`);
    }
    if (tile.k === 1 && [a, b].some(({ order, vector }) => order === "k" && vector)) {
      throw new Error("A direct tile of one k reads numbers along k, not fours.");
    }
    this.#tile = tile;
    this.#depth = tile.k;
    this.#a = a;
    this.#b = b;
    this.#wholeSteps = wholeSteps || tile.k === 1;
  }

  /** Addresses: of each row for the order "k", of each group of four rows for the order "mn". */
  declare(): string {
    const { rows, columns } = this.#counts();
    return `${join(rows, " ", (i) => `var aAt${i} = 0u;`)} ${
      join(columns, " ", (j) => `var bAt${j} = 0u;`)
    }`;
  }

  /**
   * Points the addresses at a tile.
   *
   * @param firsts WGSL of the tile's first row of A and first column of B.
   */
  aim(firstRow: string, firstColumn: string): string {
    const { rows, columns } = this.#counts();
    const aim = ({ order, vector, row, base, stride }: Operand, first: string, place: string) => {
      const index = `${first} + ${place}`;
      const at = order === "k" ? `${row ? row(index) : `(${index})`} * ${stride}` : index;
      const whole = base ? `${base} + ${at}` : at;
      return vector ? `(${whole}) / 4u` : whole;
    };
    const rowOf = (i: number) => tileRow(this.#tile, this.#a.order === "k" ? i : 4 * i);
    const columnOf = (j: number) =>
      this.#b.order === "k"
        ? `(${tileColumn(this.#tile, j >> 2)} + ${j & 3}u)`
        : tileColumn(this.#tile, j);
    return `${unroll(rows, (i) => `aAt${i} = ${aim(this.#a, firstRow, rowOf(i))};`)}
${unroll(columns, (j) => `bAt${j} = ${aim(this.#b, firstColumn, columnOf(j))};`)}`;
  }

  /**
   * Adds the outer products of a step's k to the accumulators.
   *
   * @param step WGSL of the step's number.
   * @param end WGSL of the number of k.
   */
  step(step: string, end: string): string {
    const { rows } = this.#counts(), groups = columnGroups(this.#tile);
    const ofK = (x: string, k: number) => this.#depth === 1 ? x : `${x}.${XYZW[k]}`;
    const aOf = (i: number, k: number) =>
      this.#a.order === "k" ? ofK(`a${i}`, k) : `a${i >> 2}_${k}.${XYZW[i & 3]}`;
    return `{ let k0 = ${step} * ${this.#depth}u;
${unroll(rows, (i) => this.#load(this.#a, "a", i, "aAt", i, end))}
${
      unroll(groups, (j) =>
        `{ ${
          this.#b.order === "k"
            ? unroll(4, (e) =>
              this.#load(this.#b, "b", e, "bAt", 4 * j + e, end))
            : this.#load(this.#b, "b", 0, "bAt", j, end)
        }
${
          unroll(this.#depth, (k) =>
            `{ let b = ${
              this.#b.order === "k"
                ? `vec4f(${join(4, ", ", (e) => ofK(`b${e}`, k))})`
                : `b0_${k}`
            }; ${
              join(
                rowsPerThread(this.#tile),
                " ",
                (i) => `acc${i}_${j} = fma(vec4f(${aOf(i, k)}), b, acc${i}_${j});`,
              )
            } }`)
        } }`)
    } }`;
  }

  #counts(): { rows: number; columns: number } {
    const rows = rowsPerThread(this.#tile), columns = 4 * columnGroups(this.#tile);
    return {
      rows: this.#a.order === "k" ? rows : rows / 4,
      columns: this.#b.order === "k" ? columns : columns / 4,
    };
  }

  /** One row's k (order "k"), or the four rows of a group for each k. */
  #load(
    { binding, order, vector, stride }: Operand,
    to: string,
    i: number,
    address: string,
    j: number,
    end: string,
  ): string {
    const at = `${address}${j}`;
    const guard = (k: number, value: string, zero: string) =>
      this.#wholeSteps ? value : `select(${zero}, ${value}, k0 + ${k}u < ${end})`;
    if (order === "k") {
      return vector
        ? `let ${to}${i} = vec4f(${binding}[${at} + k0 / 4u]);`
        : `let ${to}${i} = ${this.#depth === 1 ? "f32" : "vec4f"}(${
          join(this.#depth, ", ", (k) => guard(k, `f32(${binding}[${at} + k0 + ${k}u])`, "0.0"))
        });`;
    }
    return unroll(this.#depth, (k) => {
      const row = `(k0 + ${k}u) * ${stride}`;
      const value = vector
        ? `vec4f(${binding}[${at} + ${row} / 4u])`
        : `vec4f(${join(4, ", ", (e) => `f32(${binding}[${at} + ${row} + ${e}u])`)})`;
      return `let ${to}${i}_${k} = ${guard(k, value, "vec4f(0.0)")};`;
    });
  }
}
