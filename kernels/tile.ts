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

/** How an operand lies in memory and what its loads must guard against. */
export interface Operand {
  /** Name of the binding. */
  binding: string;
  order: "k" | "mn";
  /** Whether the binding is an array of vec4f (lengths of memory rows are multiples of 4). */
  vector: boolean;
  /** WGSL for the memory row of row (or column) `i` of the matrix; only for order "k". */
  row?: (i: string) => string;
  /** WGSL of the element where the matrix starts. */
  base?: string;
  /** WGSL names: length of a memory row in elements, number of rows (columns) of the matrix. */
  stride: string;
  extent: string;
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

/**
 * Moves an operand from device memory to workgroup memory, in blocks of 4 × 4 dealt out to threads.
 *
 * @param width tile rows (or columns) of this operand.
 * @param firstThread thread that takes the first block.
 */
export class Loader {
  readonly blocks: number;

  constructor(
    readonly operand: Operand,
    readonly stage: string,
    readonly width: number,
    readonly depth: number,
    readonly threads: number,
    readonly firstThread: number,
  ) {
    this.blocks = (width / 4) * (depth / 4);
  }

  /** Blocks of one thread at most. */
  get rounds(): number {
    return Math.ceil(this.blocks / this.threads);
  }

  #register(round: number, i: number): string {
    return `${this.stage}_q${round}_${i}`;
  }

  /** Registers between device memory and workgroup memory. */
  declare(): string {
    return unroll(this.rounds, (r) => join(4, " ", (i) => `var ${this.#register(r, i)}: vec4f;`));
  }

  /** Places of a thread's blocks in the tile; names used by `load` and `store`. */
  #place(round: number): string {
    const { width, depth, operand, stage, threads, firstThread } = this;
    const block = `((lid + ${threads - firstThread}u) % ${threads}u + ${round * threads}u)`;
    // Neighbouring threads read neighbouring memory: along k, or along the rows.
    return operand.order === "k"
      ? `let ${stage}_kq = (${block} % ${depth / 4}u) * 4u; let ${stage}_rq = ${block} / ${
        depth / 4
      }u;`
      : `let ${stage}_rq = ${block} % ${width / 4}u; let ${stage}_kq = (${block} / ${
        width / 4
      }u) * 4u;`;
  }

  #guarded(round: number, code: string): string {
    const { threads, firstThread, blocks } = this;
    const mine = `(lid + ${threads - firstThread}u) % ${threads}u + ${round * threads}u`;
    const all = blocks % threads === 0;
    return `{ ${all ? "" : `if (${mine} < ${blocks}u) {`} ${this.#place(round)} ${code} ${
      all ? "" : "}"
    } }`;
  }

  /**
   * Loads a step into registers.
   *
   * @param first WGSL of the tile's first row (column) in the matrix.
   * @param k WGSL of the step's first k.
   * @param end WGSL of the number of k in all; beyond it zeros are loaded.
   */
  load(first: string, k: string, end: string): string {
    const { stage, operand } = this;
    const { binding, order, vector, stride, extent, row, base } = operand;
    const origin = base ? `${base} + ` : "";
    return unroll(this.rounds, (round) => {
      const lines = [`let k0 = ${k} + ${stage}_kq; let r0 = ${first} + ${stage}_rq * 4u;`];
      for (let i = 0; i < 4; i++) {
        const register = this.#register(round, i);
        if (order === "k") {
          const inRange = `min(r0 + ${i}u, ${extent} - 1u)`;
          const at = `${origin}${row ? row(inRange) : inRange} * ${stride} + k0`;
          lines.push(
            vector
              ? `${register} = select(vec4f(0.0), ${binding}[(${at}) / 4u], k0 < ${end});`
              : `{ let at = ${at}; ${register} = vec4f(${
                join(4, ", ", (c) => `select(0.0, ${binding}[at + ${c}u], k0 + ${c}u < ${end})`)
              }); }`,
          );
        } else {
          const kRow = row ? row(`min(k0 + ${i}u, ${end} - 1u)`) : `min(k0 + ${i}u, ${end} - 1u)`;
          const at = `${origin}${kRow} * ${stride} + r0`;
          lines.push(
            vector
              ? `${register} = select(vec4f(0.0), ${binding}[(${at}) / 4u], k0 + ${i}u < ${end} && r0 < ${extent});`
              : `{ let at = ${at}; let ok = k0 + ${i}u < ${end}; ${register} = vec4f(${
                join(
                  4,
                  ", ",
                  (c) => `select(0.0, ${binding}[at + ${c}u], ok && r0 + ${c}u < ${extent})`,
                )
              }); }`,
          );
        }
      }
      return this.#guarded(round, lines.join(" "));
    });
  }

  /** Stores the registers into workgroup memory. */
  store(): string {
    const { stage, operand } = this;
    return unroll(this.rounds, (round) => {
      const registers = [0, 1, 2, 3].map((i) => this.#register(round, i));
      return this.#guarded(
        round,
        join(
          4,
          " ",
          (i) =>
            `${stage}[${stage}_kq + ${i}u][${stage}_rq] = ${
              operand.order === "k"
                ? `vec4f(${registers.map((register) => `${register}.${XYZW[i]}`).join(", ")})`
                : registers[i]
            };`,
        ),
      );
    });
  }
}

/** Loaders for both operands, dealt out so that no thread is idle while another has two blocks. */
export function tileLoaders(tile: TileShape, a: Operand, b: Operand): { a: Loader; b: Loader } {
  const threads = tileThreads(tile);
  const loadA = new Loader(a, "stageA", tile.m, tile.k, threads, 0);
  const loadB = new Loader(b, "stageB", tile.n, tile.k, threads, loadA.blocks % threads);
  return { a: loadA, b: loadB };
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
