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
 *    clamp in the inner loop. A little room after every four rows spreads over the banks what
 *    neighbouring threads store (see `stagingShape`).
 * 4. The 32 threads that run in lock step form a rectangle of `lanesX` columns, so that what they
 *    read from workgroup memory is mostly the same and is broadcast.
 *
 * How operands come from device memory is the subject of tile_loader.ts.
 *
 * Every element is one chain of fused multiply-adds with k ascending, whatever the tile: products of
 * different tile shapes agree bit for bit, which the backward pass of cut cross-entropy relies on.
 *
 * Half mode: workgroup memory holds f16, and a thread adds up products of even and of odd k side by side
 * in f16: two products of neighbouring k at once, for which GPUs have an instruction. (Pairs of columns
 * would share the row's value. NVIDIA's instruction can do that, but then only on one of the two units that
 * it runs on otherwise: 63 TFLOP/s for 85, of what is staged.)
 * After `HALF_STEPS` steps both sums are added to the f32 accumulators. So short chains of f16, of tile.k
 * products, keep what is lost small (each addition rounds to 11 bits), and an f32 total keeps the loss from
 * growing with K. Tiles agree bit for bit there if their `k` is the same. A chain's sum beyond ±65504
 * becomes infinite, which `overflowed` recognises.
 */
import { join, unroll, wgsl } from "./kernel.ts";

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

/** Whether two tiles are the same. */
export function isSameTile(one: TileShape, other: TileShape): boolean {
  const sizes = ({ m, n, k, threadsX, threadsY, lanesX, direct = false }: TileShape) =>
    [m, n, k, threadsX, threadsY, lanesX, direct].join();
  return sizes(one) === sizes(other);
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
export function staging(name: string, depth: number, width: number): string {
  return `var<workgroup> ${name}: array<array<vec4f, ${width / 4 + 1}>, ${depth}>;`;
}

/**
 * How an operand is staged: in blocks of four k, because that is what a thread stores at a time (see
 * tile_loader.ts). Its place then has one bound for WebGPU to check, and the rest is constant. f32: a row
 * for each k, its elements four rows (columns) of the tile. Half mode: a row for each pair of k, its
 * elements four rows of the tile, both k of each.
 *
 * Eight threads store at once. Where neighbours hold different k of one row of the matrix, each writes to
 * a block of its own; the gap behind a block sends them to different banks: 1 where all eight do (steps of
 * 32), 2 where four of them do, and the others hold the next rows (steps of 16).
 */
function stagingShape(depth: number, width: number, half: boolean) {
  return {
    blocks: depth / 4,
    rows: half ? 2 : 4,
    elements: width / 4,
    gap: depth % 32 === 0 ? 1 : 2,
  };
}

/** Workgroup memory for one operand: see `stagingShape`. */
export function operandStaging(name: string, depth: number, width: number, half = false): string {
  const { blocks, rows, elements, gap } = stagingShape(depth, width, half);
  const element = half ? "array<vec4h, 2>" : "vec4f", type = `Block_${name}`;
  return `struct ${type} { rows: array<array<${element}, ${elements}>, ${rows}>, gap: array<${element}, ${gap}> }
var<workgroup> ${name}: array<${type}, ${blocks}>;`;
}

/** Bytes of `operandStaging`. */
export function operandStagingBytes(depth: number, width: number, half = false): number {
  const { blocks, rows, elements, gap } = stagingShape(depth, width, half);
  return blocks * (rows * elements + gap) * 16;
}

/** WGSL of the row of an operand's staging for a k (in half mode a pair of k) that the source knows. */
export function stagedRow(name: string, row: number, half = false): string {
  const rows = half ? 2 : 4;
  return `${name}[${Math.floor(row / rows)}].rows[${row % rows}]`;
}

/** Steps whose products half mode adds up in f16: twice as many as of one step, but in two chains. */
const HALF_STEPS = 2;

/**
 * Registers of the thread's part of the tile: `acc{row}_{group}`, set to zero. In half mode also
 * `step{row}_{column}`, sums of even and of odd k.
 */
export function declareAccumulators(tile: TileShape, half = false): string {
  const rows = rowsPerThread(tile), groups = columnGroups(tile);
  return unroll(
    rows,
    (i) =>
      join(groups, " ", (j) => `var acc${i}_${j} = vec4f(0.0);`) +
      (half ? join(4 * groups, " ", (j) => ` var step${i}_${j} = vec2h(0.0h);`) : ""),
  );
}

/**
 * One step: adds the outer products of `tile.k` rows of two arrays in workgroup memory.
 *
 * @param from `a`: WGSL of the k-th row of A's array, whose elements are four rows of the tile; `b`:
 *   of the k-th row of B's, whose elements are four columns.
 */
export function multiplyStep(
  tile: TileShape,
  {
    a = (k) => stagedRow("stageA", k),
    b = (k) => stagedRow("stageB", k),
  }: { a?: (k: number) => string; b?: (k: number) => string } = {},
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
 * The same in half mode, for `stageA` and `stageB`.
 *
 * @param step,last WGSL: the step's number, and whether it is the last one.
 */
export function multiplyHalfStep(tile: TileShape, step: string, last: string): string {
  const rows = rowsPerThread(tile), groups = columnGroups(tile);
  /** Loads `count` groups of four, two to a variable: `name0` … with both k of two rows (columns). */
  const load = (name: string, row: string, thread: string, count: number, threads: number) =>
    unroll(
      count,
      (g) =>
        join(2, " ", (h) => `let ${name}${2 * g + h} = ${row}[${thread} + ${g * threads}u][${h}];`),
    );
  const pairOf = (name: string, i: number) => `${name}${i >> 1}.${i & 1 ? "zw" : "xy"}`;
  const each = (piece: (i: number, j: number) => string) =>
    unroll(rows, (i) => join(4 * groups, " ", (j) => piece(i, j)));
  const sums = (i: number, g: number, parity: string) =>
    `vec4f(vec4h(${join(4, ", ", (e) => `step${i}_${4 * g + e}.${parity}`)}))`;
  return wgsl`
${
    unroll(tile.k / 2, (pair) =>
      wgsl`{
${load("a", stagedRow("stageA", pair, true), "ty", rows / 4, tile.threadsY)}
${load("b", stagedRow("stageB", pair, true), "tx", groups, tile.threadsX)}
${each((i, j) => `step${i}_${j} = fma(${pairOf("a", i)}, ${pairOf("b", j)}, step${i}_${j});`)}
}`)
  }
if (${step} % ${HALF_STEPS}u == ${HALF_STEPS - 1}u || ${last}) {
${
    unroll(rows, (i) =>
      join(groups, " ", (g) => `acc${i}_${g} += ${sums(i, g, "x")} + ${sums(i, g, "y")};`))
  }
${each((i, j) => `step${i}_${j} = vec2h(0.0h);`)}
}`;
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
              (j) => `let b${j} = ${stagedRow(b, 4 * q + k)}[tx + ${j * tile.threadsX}u];`,
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
