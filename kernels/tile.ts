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
 * 3. Rows of workgroup memory are named by constants and only places within a row by the thread: no
 *    clamp in the inner loop. Odd widths, and a little room after every eight rows, spread over the
 *    banks what neighbouring threads store (see `operandStaging`).
 * 4. The 32 threads that run in lock step form a rectangle of `lanesX` columns, so that what they
 *    read from workgroup memory is mostly the same and is broadcast.
 *
 * How operands come from device memory is the subject of tile_loader.ts.
 *
 * Every element is one chain of fused multiply-adds with k ascending, whatever the tile: products of
 * different tile shapes agree bit for bit, which the backward pass of cut cross-entropy relies on.
 *
 * Half mode: workgroup memory holds f16, the products of one step are added up in f16, and the step's
 * sum is added to the f32 accumulators. That halves what is read from workgroup memory; GPUs and
 * drivers that pack two f16 operations into one also compute faster (an NVIDIA H200 through Vulkan does
 * not: 65.8 TFLOP/s in registers for either). Short chains of f16 keep what is lost small (each addition
 * rounds to 11 bits), and an f32 total keeps the loss from growing with K. Tiles agree bit for bit there
 * if their `k` is the same. A step's sum beyond ±65504 becomes infinite, which `overflowed` recognises.
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
  /** Without workgroup memory, for software adapters: see tile_direct.ts. */
  direct?: boolean;
}

/** Threads of a workgroup. */
export function tileThreads(tile: TileShape): number {
  return tile.threadsX * tile.threadsY;
}

/** Bytes of workgroup memory that staging takes. */
export function tileStagingBytes(tile: TileShape, half = false): number {
  return operandStagingBytes(tile.k, tile.m, half) + operandStagingBytes(tile.k, tile.n, half);
}

/** Components of a vector. */
export const XYZW = "xyzw";

/** WGSL of four numbers: f16 or f32. */
export function vectorOf(half = false): string {
  return half ? "vec4h" : "vec4f";
}

/** WGSL of the array a binding is: of fours or of single numbers, f16 or f32. */
export function arrayOf(vector: boolean, half = false): string {
  return `array<${vector ? vectorOf(half) : half ? "f16" : "f32"}>`;
}

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

/** Workgroup memory for `depth` rows of `width` values, four of them an element. */
export function staging(name: string, depth: number, width: number, half = false): string {
  return `var<workgroup> ${name}: array<array<${vectorOf(half)}, ${width / 4 + 1}>, ${depth}>;`;
}

/** Rows of an operand's staging between two gaps, and elements in a gap. */
function stagingGroups(depth: number): { rows: number; gap: number } {
  return { rows: depth % 8 === 0 ? 8 : 4, gap: Math.max(1, 32 / depth) };
}

/**
 * Workgroup memory for one operand: `depth` rows, one for each k of a step.
 *
 * Eight threads store at once. Where neighbours hold different k of one row of the matrix, they write
 * to every fourth row here, and rows of odd width would send all of them to two of eight banks. With a
 * gap after every eight rows each has a bank of its own: the gap is 1 for 32 rows (8 × k), 2 for 16
 * (4 × k, two rows of the matrix).
 */
export function operandStaging(name: string, depth: number, width: number, half = false): string {
  const { rows, gap } = stagingGroups(depth), vector = vectorOf(half), type = `Group_${name}`;
  return `struct ${type} { rows: array<array<${vector}, ${
    width / 4 + 1
  }>, ${rows}>, gap: array<${vector}, ${gap}> }
var<workgroup> ${name}: array<${type}, ${depth / rows}>;`;
}

/** Bytes of `operandStaging`. */
export function operandStagingBytes(depth: number, width: number, half = false): number {
  const { rows, gap } = stagingGroups(depth);
  return (depth * (width / 4 + 1) + depth / rows * gap) * (half ? 8 : 16);
}

/** WGSL of the row of an operand's staging for a k known when the source is written. */
export function stagedRow({ k: depth }: TileShape, name: string, k: number): string {
  const { rows } = stagingGroups(depth);
  return `${name}[${Math.floor(k / rows)}].rows[${k % rows}]`;
}

/** The same for the `k` and the following ones `+ i`, where the multiple of four `k` is WGSL. */
export function stagedRowAt({ k: depth }: TileShape, name: string, k: string, i: number): string {
  const { rows } = stagingGroups(depth);
  return `${name}[${k} / ${rows}u].rows[${k} % ${rows}u + ${i}u]`;
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
 * @param from `a`: WGSL of the k-th row of A's array, whose elements are four rows of the tile; `b`:
 *   of the k-th row of B's, whose elements are four columns; `half`: both hold f16, and the products
 *   of this step are added up in f16 first.
 */
export function multiplyStep(
  tile: TileShape,
  {
    a = (k) => stagedRow(tile, "stageA", k),
    b = (k) => stagedRow(tile, "stageB", k),
    half = false,
  }: {
    a?: (k: number) => string;
    b?: (k: number) => string;
    half?: boolean;
  } = {},
): string {
  const rows = rowsPerThread(tile), groups = columnGroups(tile);
  const each = (piece: (i: number, j: number) => string) =>
    join(rows, " ", (i) => join(groups, " ", (j) => piece(i, j)));
  const add = (i: number, j: number, k: number) => {
    const x = `a${i >> 2}.${XYZW[i & 3]}`;
    if (!half) return `acc${i}_${j} = fma(vec4f(${x}), b${j}, acc${i}_${j});`;
    return k === 0
      ? `step${i}_${j} = vec4h(${x}) * b${j};`
      : `step${i}_${j} = fma(vec4h(${x}), b${j}, step${i}_${j});`;
  };
  const products = unroll(
    tile.k,
    (k) =>
      `{ ${join(rows / 4, " ", (i) => `let a${i} = ${a(k)}[ty + ${i * tile.threadsY}u];`)} ${
        join(groups, " ", (j) => `let b${j} = ${b(k)}[tx + ${j * tile.threadsX}u];`)
      } ${each((i, j) => add(i, j, k))} }`,
  );
  if (!half) return products;
  return `{ ${each((i, j) => `var step${i}_${j}: vec4h;`)}
${products}
${each((i, j) => `acc${i}_${j} += vec4f(step${i}_${j});`)} }`;
}

/**
 * The same with A transposed in workgroup memory: `a(row)` is the row of the array for a row of the
 * tile, whose elements are four k. `quad` names the WGSL variable of the step's first element, `b` the
 * array of B.
 */
export function multiplyStepTransposed(
  tile: TileShape,
  a: (row: string) => string,
  quad: string,
  b = "stageB",
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
              (j) => `let b${j} = ${stagedRow(tile, b, 4 * q + k)}[tx + ${j * tile.threadsX}u];`,
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
