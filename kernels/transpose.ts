/**
 * y = xᵀ, for a matrix x of `rows` rows of `columns` numbers.
 *
 * Memory rows may be longer than the matrix (`strideX`, `strideY` in elements). With `blocks`, each block of
 * `strideY` rows (a multiple of 32; the last may have fewer) is transposed by itself, into the place that it
 * would have in an untransposed y. A workgroup turns a square
 * of 32 × 32 in workgroup memory, so that it reads and writes whole cache lines. Bytes: 8 an element.
 */
import { defineKernel, unroll, wgsl } from "./kernel.ts";

/** Rows and columns of a square. */
const SIDE = 32;

/** Threads along a square's columns are as many; so many are along its rows. */
const THREAD_ROWS = 8;

export const transpose = defineKernel("transpose", ({ blocks }: { blocks: boolean }) => ({
  bindings: { x: "read array<f32>", y: "write array<f32>" },
  params: { rows: "u32", columns: "u32", strideX: "u32", strideY: "u32" },
  workgroup: [SIDE, THREAD_ROWS, 1],
  code: wgsl`
// A column more than needed, so that a column's numbers lie in different banks.
var<workgroup> square: array<array<f32, ${SIDE + 1}>, ${SIDE}>;
@compute @workgroup_size(${SIDE}, ${THREAD_ROWS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) at: vec3u) {
  let row0 = group.y * ${SIDE}u;
  let column0 = group.x * ${SIDE}u;
  let first = ${blocks ? "row0 / params.strideY * params.strideY" : "0u"};
  let stride = ${blocks ? "min(params.strideY, params.rows - first)" : "params.strideY"};
  ${
    unroll(SIDE / THREAD_ROWS, (i) =>
      wgsl`{
    let r = at.y + ${i * THREAD_ROWS}u;
    if (row0 + r < params.rows && column0 + at.x < params.columns) {
      square[r][at.x] = x[(row0 + r) * params.strideX + column0 + at.x];
    }
  }`)
  }
  workgroupBarrier();
  ${
    unroll(SIDE / THREAD_ROWS, (i) =>
      wgsl`{
    let c = at.y + ${i * THREAD_ROWS}u;
    if (column0 + c < params.columns && row0 + at.x < params.rows) {
      y[first * params.columns + (column0 + c) * stride + row0 - first + at.x] = square[at.x][c];
    }
  }`)
  }
}`,
}));

/** The grid for a matrix. */
export function transposeGrid(rows: number, columns: number): [number, number] {
  return [Math.ceil(columns / SIDE), Math.ceil(rows / SIDE)];
}
