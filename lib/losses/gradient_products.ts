/** From blocks of logits in scratch memory to gradients: the naive, chunked and exact cut ways. */
import { gatherRows } from "../../kernels/gather_rows.ts";
import { elementGrid } from "../../kernels/grid.ts";
import { logitsColumnSums } from "../../kernels/logits_column_sums.ts";
import { LOGITS_GRADIENT_WIDTH, logitsGradient } from "../../kernels/logits_gradient.ts";
import type { Bindable } from "../gpu/device.ts";
import type { BufferSlice, DeviceBuffer } from "../gpu/pool.ts";
import { startPair } from "../tensor/product_pair.ts";
import { type Product, type Started, startProduct } from "../tensor/product.ts";
import {
  type ColumnBlock,
  columnParts,
  columnsOf,
  type Gradients,
  logitsBlock,
  logitsStride,
  makeGradients,
  type RowBlock,
  rowsOfE,
  type Wanted,
} from "./blocks.ts";
import type { Problem } from "./problem.ts";

/** Rows that an invocation adds up at most: fewer than the steps after which software adapters stop. */
const SUMMED_ROWS = 2 ** 15;

/** Logits of a block become their gradient, in place. */
export function logitsGradientBlock(
  p: Problem,
  block: RowBlock,
  { first, columns }: ColumnBlock,
  coefficients: DeviceBuffer,
  logits: BufferSlice,
): void {
  const stride = logitsStride(columns);
  p.gpu.run(
    logitsGradient({ softcap: p.options.softcap > 0 }),
    { logits, targets: p.targets, coefficients },
    {
      rowCount: block.rows,
      first: block.first,
      columns,
      firstColumn: first,
      stride,
      softcap: p.options.softcap || 1,
    },
    [Math.ceil(stride / 4 / LOGITS_GRADIENT_WIDTH), Math.min(block.rows, 32768)],
  );
}

/**
 * Gradients of E, C and bias from the gradient of a block of logits.
 *
 * @param fresh whether this block is the first that its rows of E, or its columns, see.
 * @param scales f32 [rows]: what the rows of `dLogits` are still to be multiplied by; those of `e` have been.
 * @param later whether the caller finishes the product for E that comes back, if one does.
 */
export function gradientProducts(
  p: Problem,
  block: RowBlock,
  { first, columns }: ColumnBlock,
  dLogits: BufferSlice,
  e: BufferSlice,
  gradients: Gradients,
  fresh: { rows: boolean; columns: boolean },
  scales?: BufferSlice,
  later = false,
): Started | undefined {
  const stride = logitsStride(columns);
  let ofE: Started | undefined;
  const parts = columnParts(p, first, columns);
  const bytes = block.rows * p.d * 4;
  const own = gradients.e && !p.identity
    ? p.allocate(bytes, "rows of the gradient of e")
    : undefined;
  const rowsOf = (scatter: boolean, x: Bindable, y: Bindable) =>
    p.gpu.run(
      gatherRows({ scatter }),
      { x, rows: p.rows, y },
      { rowCount: block.rows, first: block.first, width: p.d },
      elementGrid(block.rows * p.d, 256),
    );
  if (own && !fresh.rows) rowsOf(false, gradients.e!, own);
  parts.forEach((part, i) => {
    const half = p.half ? "b" as const : undefined, a = columnsOf(dLogits, part.first - first);
    const products: Product[] = [];
    if (gradients.c) {
      products.push({
        a,
        b: e,
        y: p.shardOf(gradients.c, part),
        m: part.columns,
        n: p.d,
        k: block.rows,
        transposeA: true,
        half,
        strideA: stride,
        accumulate: !fresh.columns,
      });
    }
    if (gradients.e) {
      const { buffer, offset } = gradients.e.slice;
      products.push({
        a,
        b: p.shardOf(p.c, part),
        y: own?.slice(0, bytes) ?? { buffer, offset: offset + block.first * p.d * 4, bytes },
        m: block.rows,
        n: p.d,
        k: part.columns,
        half,
        strideA: stride,
        padded: true,
        accumulate: !fresh.rows || i > 0,
        scales,
      });
    }
    const pair = startPair(p.gpu, products);
    try {
      products.forEach((each, n) => {
        const started = pair?.[n] ?? startProduct(p.gpu, each);
        const isOfE = gradients.e !== undefined && n === products.length - 1;
        if (isOfE && later && !own && i === parts.length - 1) ofE = started;
        else started.finish();
      });
    } catch (error) {
      for (const { release } of pair ?? []) release();
      throw error;
    }
  });
  if (own) {
    rowsOf(true, own, gradients.e!);
    own.release();
  }
  for (let row = 0; gradients.bias && row < block.rows; row += SUMMED_ROWS) {
    p.gpu.run(
      logitsColumnSums({
        accumulate: !fresh.columns || row > 0,
        scaled: scales !== undefined,
      }),
      {
        x: columnsOf(dLogits, row * stride),
        y: gradients.bias,
        ...(scales ? { scales: columnsOf(scales, row) } : {}),
      },
      { rowCount: Math.min(SUMMED_ROWS, block.rows - row), columns, stride, firstColumn: first },
      elementGrid(columns, 64),
    );
  }
  return ofE;
}

/**
 * Exact gradients by blocks of rows and columns, recomputing the logits: needs no more memory than
 * one block of `scratchBytes`.
 */
export function gradientsByBlocks(
  p: Problem,
  coefficients: DeviceBuffer,
  wanted: Wanted,
  size: { rows: number; columns: number },
): Gradients {
  const gradients = makeGradients(p, wanted, false);
  const scratch = p.allocate(size.rows * logitsStride(size.columns) * 4, "block of logits");
  for (let row = 0; row < p.rowCount; row += size.rows) {
    const block = { first: row, rows: Math.min(size.rows, p.rowCount - row) };
    const { slice: e, copy } = rowsOfE(p, block);
    for (let column = 0; column < p.v; column += size.columns) {
      const columns = { first: column, columns: Math.min(size.columns, p.v - column) };
      const logits = scratch.slice(0, block.rows * logitsStride(columns.columns) * 4);
      logitsBlock(p, e, block.rows, columns, logits);
      logitsGradientBlock(p, block, columns, coefficients, logits);
      gradientProducts(p, block, columns, logits, e, gradients, {
        rows: column === 0,
        columns: row === 0,
      });
    }
    copy?.release();
  }
  scratch.release();
  return gradients;
}
