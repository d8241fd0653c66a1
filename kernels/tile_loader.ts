/**
 * How the operands of a product reach workgroup memory: see tile.ts.
 *
 * Operands come in two orders. "k": a row's k are neighbours in memory (A[m, k] row-major); four rows
 * by four k are loaded and transposed in registers. "mn": the m (or n) are neighbours (A stored as
 * [k, m]); no transposition. Where the row length is no multiple of four, `vector: false` loads
 * scalars instead of vectors of four.
 */
import { join, unroll } from "./kernel.ts";
import { type TileShape, tileThreads, vectorOf, XYZW } from "./tile.ts";

/**
 * How an operand lies in memory.
 *
 * Rows (columns) beyond the matrix are read all the same, from wherever WebGPU's bounds checks lead:
 * each only spoils its own row or column of the product, which nobody stores.
 */
export interface Operand {
  /** Name of the binding. */
  binding: string;
  order: "k" | "mn";
  /** Whether the binding is an array of vectors of four (memory rows are multiples of 4). */
  vector: boolean;
  /** Whether the binding holds f16. */
  half?: boolean;
  /** WGSL for the memory row of a row of the matrix (order "k") or of a k (order "mn"). */
  row?: (i: string) => string;
  /** WGSL of the element where the matrix starts. */
  base?: string;
  /** WGSL of the length of a memory row in elements. */
  stride: string;
}

/** An operand and where it goes. */
interface Side {
  operand: Operand;
  /** Array in workgroup memory. */
  stage: string;
  /** Tile rows (columns). */
  width: number;
  /** Whether the array in workgroup memory holds f16. */
  half?: boolean;
}

/**
 * Moves operands from device memory to workgroup memory, in blocks of four rows by four k that are
 * dealt out to the threads: first A's, then B's, so that a thread's registers serve either. They
 * hold f16 if all operands do; what is f16 in one place and f32 in the next is converted on the way.
 */
export class TileLoader {
  readonly #sides: readonly (Side & { firstBlock: number; blocks: number })[];
  readonly #threads: number;
  readonly #rounds: number;
  readonly #half: boolean;

  /**
   * @param wholeSteps whether K is known to be a multiple of tile.k, so that no load needs a guard.
   * @param prefix of the names of registers.
   */
  constructor(
    readonly tile: TileShape,
    sides: readonly Side[],
    readonly wholeSteps: boolean,
    readonly prefix = "q",
  ) {
    this.#threads = tileThreads(tile);
    this.#half = sides.every((side) => side.operand.half);
    let firstBlock = 0;
    this.#sides = sides.map((side) => {
      const blocks = (side.width / 4) * (tile.k / 4);
      const dealt = { ...side, firstBlock, blocks };
      firstBlock += blocks;
      return dealt;
    });
    this.#rounds = Math.ceil(firstBlock / this.#threads);
  }

  /** Registers: four vectors and up to four addresses for each block of a thread. */
  declare(): string {
    return unroll(
      this.#rounds,
      (r) =>
        `${join(4, " ", (i) => `var ${this.prefix}${r}_${i}: ${vectorOf(this.#half)};`)} ${
          join(4, " ", (i) => `var ${this.prefix}At${r}_${i} = 0u;`)
        }`,
    );
  }

  /** WGSL for whoever has a block in this round: knows `rq` and `kq`, its first row and k. */
  #each(round: number, code: (side: Side) => string): string {
    const first = round * this.#threads, end = first + this.#threads;
    const pieces: string[] = [];
    for (const side of this.#sides) {
      const sideEnd = side.firstBlock + side.blocks;
      if (sideEnd <= first || side.firstBlock >= end) continue;
      const whole = side.firstBlock <= first && sideEnd >= end;
      const block = `(lid + ${first}u - ${side.firstBlock}u)`;
      const across = side.operand.order === "k" ? this.tile.k / 4 : side.width / 4;
      // Neighbouring threads read neighbouring memory: along k, or along the rows.
      const [fast, slow] = side.operand.order === "k" ? ["kq", "rq"] : ["rq", "kq"];
      pieces.push(
        `${
          whole
            ? ""
            : `if (lid + ${first}u >= ${side.firstBlock}u && lid + ${first}u < ${sideEnd}u) `
        }{ let ${fast} = (${block} % ${across}u) * 4u; let ${slow} = (${block} / ${across}u) * 4u; ${
          code(side)
        } }`,
      );
    }
    return pieces.join(" else ");
  }

  /**
   * Points the addresses at the tile's first step.
   *
   * @param firsts WGSL of the tile's first row of A, first column of B.
   */
  aim(...firsts: string[]): string {
    return unroll(this.#rounds, (r) =>
      this.#each(r, ({ operand, stage }) => {
        const first = firsts[this.#sides.findIndex((side) => side.stage === stage)];
        const { order, vector, row, base, stride } = operand;
        const origin = base ? `${base} + ` : "";
        const at = (i: number) => {
          if (order === "k") {
            const index = `${first} + rq + ${i}u`;
            return `${origin}${row ? row(index) : `(${index})`} * ${stride} + kq`;
          }
          // With a list of rows the address depends on k in its own way: see load().
          return row
            ? `${origin}${first} + rq`
            : `${origin}(kq + ${i}u) * ${stride} + ${first} + rq`;
        };
        return join(
          4,
          " ",
          (i) => `${this.prefix}At${r}_${i} = ${vector ? `(${at(i)}) / 4u` : at(i)};`,
        );
      }));
  }

  /**
   * Loads a step into registers.
   *
   * @param step WGSL of the step's number.
   * @param end WGSL of the number of k; beyond it zeros are loaded.
   */
  load(step: string, end: string): string {
    const { k } = this.tile;
    return unroll(this.#rounds, (r) =>
      this.#each(r, ({ operand }) => {
        const { binding, order, vector, row, stride } = operand;
        const unit = vector ? " / 4u" : "", type = vectorOf(this.#half);
        const widen = operand.half === true && !this.#half;
        const [zero, zeros] = operand.half ? ["0.0h", "vec4h(0.0h)"] : ["0.0", "vec4f(0.0)"];
        const lines: string[] = [`let k0 = ${step} * ${k}u;`];
        if (order === "k") lines.push(`let forth = k0${unit};`);
        else if (!row) lines.push(`let forth = (k0 * ${stride})${unit};`);
        for (let i = 0; i < 4; i++) {
          const address = `${this.prefix}At${r}_${i}`;
          const kOf = (c: number) => order === "k" ? `k0 + kq + ${c}u` : `k0 + kq + ${i}u`;
          const at = order === "mn" && row
            ? `${address} + (${row(kOf(0))} * ${stride})${unit}`
            : `${address} + forth`;
          const guard = (value: string, zero: string, c: number) =>
            this.wholeSteps ? value : `select(${zero}, ${value}, ${kOf(c)} < ${end})`;
          const four = vector
            ? guard(`${binding}[${at}]`, zeros, 0)
            : `${vectorOf(operand.half)}(${
              join(4, ", ", (c) => guard(`${binding}[at + ${c}u]`, zero, c))
            })`;
          const assign = `${this.prefix}${r}_${i} = ${widen ? `${type}(${four})` : four};`;
          lines.push(vector ? assign : `{ let at = ${at}; ${assign} }`);
        }
        return lines.join(" ");
      }));
  }

  /** Stores the registers into workgroup memory. */
  store(): string {
    return unroll(this.#rounds, (r) =>
      this.#each(r, ({ operand, stage, half = false }) => {
        const registers = [0, 1, 2, 3].map((i) => `${this.prefix}${r}_${i}`);
        if (half) return this.#storePairs(registers, operand.order, stage);
        return join(4, " ", (i) => {
          const four = operand.order === "k"
            ? `${vectorOf(this.#half)}(${
              registers.map((register) => `${register}.${XYZW[i]}`).join(", ")
            })`
            : registers[i];
          const widened = this.#half ? `vec4f(${four})` : four;
          return `${stage}[kq / 4u].rows[${i}][rq / 4u] = ${widened};`;
        });
      }));
  }

  /** Half mode: elements of two rows and two k, see `stagingShape` in tile.ts. */
  #storePairs(registers: string[], order: Operand["order"], stage: string): string {
    return join(2, " ", (pair) =>
      join(2, " ", (two) => {
        const [one, other] = order === "k"
          ? registers.slice(2 * two, 2 * two + 2)
          : registers.slice(2 * pair, 2 * pair + 2);
        const [x, y] = XYZW.slice(2 * (order === "k" ? pair : two));
        const four = order === "k"
          ? `${one}.${x}${y}, ${other}.${x}${y}`
          : `${one}.${x}, ${other}.${x}, ${one}.${y}, ${other}.${y}`;
        return `${stage}[kq / 4u].rows[${pair}][rq / 4u][${two}] = vec4h(${four});`;
      }));
  }
}

/**
 * The loader of a product of two operands, into `stageA` and `stageB`, which hold f16 if both
 * operands do.
 */
export function tileLoader(
  tile: TileShape,
  a: Operand,
  b: Operand,
  wholeSteps: boolean,
): TileLoader {
  const half = a.half === true && b.half === true;
  return new TileLoader(tile, [
    { operand: a, stage: "stageA", width: tile.m, half },
    { operand: b, stage: "stageB", width: tile.n, half },
  ], wholeSteps);
}
