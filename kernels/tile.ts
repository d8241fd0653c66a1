/**
 * The heart of every matrix product here: one workgroup multiplies a tile,
 * acc[m, n] = Σ_k A(m, k) · B(k, n), for m < tile.m, n < tile.n.
 *
 * How. K is walked in steps of `tile.k`. For each step the workgroup brings tile.m × tile.k of A and
 * tile.k × tile.n of B from device memory into workgroup memory, and every thread adds the outer
 * products of its rows and columns into registers. Four things make it fast on a GPU:
 *
 * 1. Everything is unrolled in the source and every register is a variable of its own. Loops over
 *    local arrays would be bounds-checked and spilled (measured: 2 TFLOP/s instead of 43).
 * 2. While one step is multiplied, the next one is already on its way into registers (prefetch).
 * 3. Workgroup memory is `array<array<vec4f, width/4 + 1>, k>`, indexed [constant][thread]: no
 *    clamp in the inner loop, and the odd width spreads the banks.
 * 4. The 32 threads that run in lock step form a rectangle of `lanesX` columns, so that what they
 *    read from workgroup memory is mostly the same and is broadcast.
 *
 * Operands come in two orders. "k": a row's k are neighbours in memory (A[m, k] row-major); four rows
 * by four k are loaded and transposed in registers. "mn": the m (or n) are neighbours (A stored as
 * [k, m]); no transposition. Where the row length is no multiple of four, `vector: false` loads
 * scalars instead of vec4f.
 *
 * Every element is one chain of fused multiply-adds with k ascending, whatever the tile: products of
 * different tile shapes agree bit for bit, which the backward pass of cut cross-entropy relies on.
 */
import { join, unroll } from "./kernel.ts";

/** Sizes of a workgroup's tile. */
export interface TileShape {
  /** Rows, columns, and depth of a step; multiples of 4. */
  m: number;
  n: number;
  k: number;
  /** Threads along the columns and along the rows; each computes (m / threadsY) × (n / threadsX). */
  threadsX: number;
  threadsY: number;
  /** Columns of threads among 32 neighbours; must divide threadsX. */
  lanesX: number;
}

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
  /** Whether the binding is an array of vec4f (lengths of memory rows are multiples of 4). */
  vector: boolean;
  /** WGSL for the memory row of a row of the matrix (order "k") or of a k (order "mn"). */
  row?: (i: string) => string;
  /** WGSL of the element where the matrix starts. */
  base?: string;
  /** WGSL of the length of a memory row in elements. */
  stride: string;
}

/** Threads of a workgroup. */
export function tileThreads(tile: TileShape): number {
  return tile.threadsX * tile.threadsY;
}

/** Bytes of workgroup memory that staging takes. */
export function tileStagingBytes(tile: TileShape): number {
  return tile.k * ((tile.m / 4 + 1) + (tile.n / 4 + 1)) * 16;
}

const XYZW = "xyzw";

/** WGSL of thread coordinates `tx`, `ty` from `lid` = `@builtin(local_invocation_index)`. */
export function threadIndex({ threadsX, threadsY, lanesX }: TileShape): string {
  const lanesY = 32 / lanesX;
  if (lanesX >= threadsX || threadsX % lanesX !== 0 || threadsY % lanesY !== 0) {
    return `let tx = lid % ${threadsX}u; let ty = lid / ${threadsX}u;`;
  }
  const across = threadsX / lanesX;
  return `let lane = lid % 32u; let bundle = lid / 32u;
let tx = (bundle % ${across}u) * ${lanesX}u + lane % ${lanesX}u;
let ty = (bundle / ${across}u) * ${lanesY}u + lane / ${lanesX}u;`;
}

/** WGSL of the row within the tile of a thread's i-th row. */
export function tileRow({ threadsY }: TileShape, i: number): string {
  return `(ty * 4u + ${(i >> 2) * threadsY * 4 + (i & 3)}u)`;
}

/** WGSL of the first of four columns within the tile of a thread's j-th group of columns. */
export function tileColumn({ threadsX }: TileShape, j: number): string {
  return `(tx * 4u + ${j * threadsX * 4}u)`;
}

/** Rows of a thread. */
export function rowsPerThread(tile: TileShape): number {
  return tile.m / tile.threadsY;
}

/** Groups of four columns of a thread. */
export function columnGroups(tile: TileShape): number {
  return tile.n / tile.threadsX / 4;
}

/** Workgroup memory for one operand, `depth` rows of `width` values. */
export function staging(name: string, depth: number, width: number): string {
  return `var<workgroup> ${name}: array<array<vec4f, ${width / 4 + 1}>, ${depth}>;`;
}

/** An operand and where it goes. */
interface Side {
  operand: Operand;
  /** Array in workgroup memory. */
  stage: string;
  /** Tile rows (columns). */
  width: number;
}

/**
 * Moves operands from device memory to workgroup memory, in blocks of four rows by four k that are
 * dealt out to the threads: first A's, then B's, so that a thread's registers serve either.
 */
export class TileLoader {
  readonly #sides: readonly (Side & { firstBlock: number; blocks: number })[];
  readonly #threads: number;
  readonly #rounds: number;

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
    let firstBlock = 0;
    this.#sides = sides.map((side) => {
      const blocks = (side.width / 4) * (tile.k / 4);
      const dealt = { ...side, firstBlock, blocks };
      firstBlock += blocks;
      return dealt;
    });
    this.#rounds = Math.ceil(firstBlock / this.#threads);
  }

  /** Registers: four vec4f and up to four addresses for each block of a thread. */
  declare(): string {
    return unroll(
      this.#rounds,
      (r) =>
        `${join(4, " ", (i) => `var ${this.prefix}${r}_${i}: vec4f;`)} ${
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
        const unit = vector ? " / 4u" : "";
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
          lines.push(
            vector
              ? `${this.prefix}${r}_${i} = ${guard(`${binding}[${at}]`, "vec4f(0.0)", 0)};`
              : `{ let at = ${at}; ${this.prefix}${r}_${i} = vec4f(${
                join(4, ", ", (c) => guard(`${binding}[at + ${c}u]`, "0.0", c))
              }); }`,
          );
        }
        return lines.join(" ");
      }));
  }

  /** Stores the registers into workgroup memory. */
  store(): string {
    return unroll(this.#rounds, (r) =>
      this.#each(r, ({ operand, stage }) => {
        const registers = [0, 1, 2, 3].map((i) => `${this.prefix}${r}_${i}`);
        return join(4, " ", (i) =>
          `${stage}[kq + ${i}u][rq / 4u] = ${
            operand.order === "k"
              ? `vec4f(${
                registers.map((register) => `${register}.${XYZW[i]}`).join(", ")
              })`
              : registers[i]
          };`);
      }));
  }
}

/** The loader of a product of two operands, into `stageA` and `stageB`. */
export function tileLoader(
  tile: TileShape,
  a: Operand,
  b: Operand,
  wholeSteps: boolean,
): TileLoader {
  return new TileLoader(tile, [
    { operand: a, stage: "stageA", width: tile.m },
    { operand: b, stage: "stageB", width: tile.n },
  ], wholeSteps);
}

/** Registers of the thread's part of the tile: `acc{row}_{group}`, set to zero. */
export function declareAccumulators(tile: TileShape): string {
  return unroll(
    rowsPerThread(tile),
    (i) => join(columnGroups(tile), " ", (j) => `var acc${i}_${j} = vec4f(0.0);`),
  );
}

/**
 * One step: adds the outer products of `tile.k` rows of two arrays in workgroup memory.
 *
 * @param a WGSL of the k-th row of A's array, whose elements are four rows of the tile.
 * @param b WGSL of the k-th row of B's array, whose elements are four columns.
 */
export function multiplyStep(
  tile: TileShape,
  a: (k: number) => string = (k) => `stageA[${k}]`,
  b: (k: number) => string = (k) => `stageB[${k}]`,
): string {
  const rows = rowsPerThread(tile), groups = columnGroups(tile);
  return unroll(
    tile.k,
    (k) =>
      `{ ${join(rows / 4, " ", (i) => `let a${i} = ${a(k)}[ty + ${i * tile.threadsY}u];`)} ${
        join(groups, " ", (j) => `let b${j} = ${b(k)}[tx + ${j * tile.threadsX}u];`)
      } ${
        join(rows, " ", (i) =>
          join(
            groups,
            " ",
            (j) => `acc${i}_${j} = fma(vec4f(a${i >> 2}.${XYZW[i & 3]}), b${j}, acc${i}_${j});`,
          ))
      } }`,
  );
}

/**
 * The same with A transposed in workgroup memory: `a(row)` is the row of the array for a row of the
 * tile, whose elements are four k. `quad` names the WGSL variable of the step's first element.
 */
export function multiplyStepTransposed(
  tile: TileShape,
  a: (row: string) => string,
  quad: string,
): string {
  const rows = rowsPerThread(tile), groups = columnGroups(tile);
  return unroll(
    tile.k / 4,
    (q) =>
      `{ ${join(rows, " ", (i) => `let a${i} = ${a(tileRow(tile, i))}[${quad} + ${q}u];`)} ${
        unroll(4, (k) =>
          `{ ${
            join(
              groups,
              " ",
              (j) => `let b${j} = stageB[${4 * q + k}][tx + ${j * tile.threadsX}u];`,
            )
          } ${
            join(
              rows,
              " ",
              (i) =>
                join(
                  groups,
                  " ",
                  (j) => `acc${i}_${j} = fma(vec4f(a${i}.${XYZW[k]}), b${j}, acc${i}_${j});`,
                ),
            )
          } }`)
      } }`,
  );
}
