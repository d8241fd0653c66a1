/** Blocks of logits in scratch memory: what the naive, chunked and exact cut ways are made of. */
import { gatherRows } from "../../kernels/gather_rows.ts";
import { elementGrid, rowGrid } from "../../kernels/grid.ts";
import { logitsColumnSums } from "../../kernels/logits_column_sums.ts";
import { LOGITS_GRADIENT_WIDTH, logitsGradient } from "../../kernels/logits_gradient.ts";
import { targetLogits } from "../../kernels/target_logits.ts";
import type { Bindable } from "../gpu/device.ts";
import type { BufferSlice, DeviceBuffer } from "../gpu/pool.ts";
import { elementBytes } from "../tensor/shape.ts";
import { type Product, product, type Started, startProduct } from "../tensor/product.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Problem } from "./problem.ts";

/** Rows `first` … `first + rows` of those that count. */
export interface RowBlock {
  first: number;
  rows: number;
}

/** Columns `first` … `first + columns` of the vocabulary; `first` is a multiple of 128. */
export interface ColumnBlock {
  first: number;
  columns: number;
}

/** Which gradients are wanted. */
export interface Wanted {
  e: boolean;
  c: boolean;
  bias: boolean;
}

/** The gradients, or what there is of them. */
export interface Gradients {
  e?: Tensor;
  c?: Tensor;
  bias?: Tensor;
}

/**
 * Elements from one row of a block of logits to the next: a whole number of steps of a product's K,
 * so that no load needs a guard.
 */
export function logitsStride(columns: number): number {
  return Math.ceil(columns / 16) * 16;
}

/** Rows that an invocation adds up at most: fewer than the steps after which software adapters stop. */
const SUMMED_ROWS = 2 ** 15;

/** Blocks of rows begin at multiples of this, so that each begins at 256 bytes. */
export function rowGrain(p: Problem): number {
  return p.half ? 128 : 64;
}

/** Rows of a block so that its logits take about `bytes`, in multiples of 128 where possible. */
export function rowsOfBlock(p: Problem, columns: number, bytes: number): number {
  const rows = Math.floor(bytes / (4 * logitsStride(columns)));
  const whole = rows >= 128 ? rows - rows % 128 : rowGrain(p);
  return Math.min(p.rowCount, whole);
}

/** Empty gradients for what is wanted; those that are not written whole begin as zeros. */
export function makeGradients(p: Problem, wanted: Wanted, zero: boolean): Gradients {
  const make = (like: Tensor, name: string, zeros: boolean) =>
    (zeros ? p.gpu.zeros : p.gpu.empty).call(p.gpu, like.shape, {
      label: `gradient of ${like.label === "tensor" ? name : like.label}`,
    });
  return {
    e: wanted.e ? make(p.e, "e", zero || !p.identity) : undefined,
    c: wanted.c ? make(p.c, "c", zero) : undefined,
    bias: wanted.bias && p.bias ? make(p.bias, "bias", zero) : undefined,
  };
}

/**
 * The rows of E of a block, without gaps: a part of E itself, or a copy.
 * The caller releases `copy`.
 */
export function rowsOfE(p: Problem, block: RowBlock): { slice: BufferSlice; copy?: DeviceBuffer } {
  const rowBytes = p.d * elementBytes(p.e.dtype), bytes = block.rows * rowBytes;
  if (p.identity) {
    const { buffer, offset } = p.e.slice;
    return { slice: { buffer, offset: offset + block.first * rowBytes, bytes } };
  }
  const copy = p.allocate(bytes, "rows of e");
  p.gpu.run(
    gatherRows({ scatter: false, half: p.half }),
    { x: p.e, rows: p.rows, y: copy },
    { rowCount: block.rows, first: block.first, width: p.d },
    elementGrid(block.rows * p.d, 256),
  );
  return { slice: copy.slice(0, bytes), copy };
}

/** The product that makes a part of a block's logits. */
export function logitsProduct(
  p: Problem,
  e: BufferSlice,
  rows: number,
  { first, columns }: ColumnBlock,
  part: ColumnBlock,
  logits: BufferSlice,
): Product {
  return {
    a: e,
    b: p.shardOf(p.c, part),
    y: columnsOf(logits, part.first - first),
    m: rows,
    n: part.columns,
    k: p.d,
    transposeB: true,
    half: p.half ? "both" : undefined,
    strideY: logitsStride(columns),
    padded: true,
    bias: p.biasOf(part),
  };
}

/** The same memory, from a column on. */
function columnsOf(logits: BufferSlice, column: number): BufferSlice {
  return { ...logits, offset: logits.offset + column * 4, bytes: logits.bytes - column * 4 };
}

/** logits = softcap(E · Cᵀ + bias) of a block, with a stride of `logitsStride(columns)`. */
export function logitsBlock(
  p: Problem,
  e: BufferSlice,
  rows: number,
  columns: ColumnBlock,
  logits: BufferSlice,
): void {
  const { softcap } = p.options;
  for (const part of columnParts(p, columns.first, columns.columns)) {
    product(p.gpu, {
      ...logitsProduct(p, e, rows, columns, part, logits),
      activation: softcap ? "softcap" : undefined,
      cap: softcap || 1,
      checked: true,
    });
  }
}

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
    const half = p.half ? "b" : undefined;
    // First the one of more workgroups: where its last ones leave places, those of the other begin.
    if (gradients.c) {
      product(p.gpu, {
        a: columnsOf(dLogits, part.first - first),
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
      ofE = startProduct(p.gpu, {
        a: columnsOf(dLogits, part.first - first),
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
      if (!later || own || i < parts.length - 1) {
        ofE.finish();
        ofE = undefined;
      }
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

/** A range of columns, cut at the borders of shards. */
export function columnParts(p: Problem, first: number, columns: number): ColumnBlock[] {
  const end = first + columns;
  return p.shards
    .map((shard) => {
      const from = Math.max(first, shard.first);
      return { first: from, columns: Math.min(end, shard.first + shard.columns) - from };
    })
    .filter((part) => part.columns > 0);
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

/** The logit of every row's target, about: known before the vocabulary is walked through. */
export function targetLogitEstimates(p: Problem): DeviceBuffer {
  const estimates = p.allocate(p.rowCount * 4, "target logit estimates");
  for (const shard of p.shards) {
    p.gpu.run(targetLogits({ bias: p.bias !== undefined, half: p.half }), {
      e: p.e,
      c: p.shardOf(p.c, shard),
      rows: p.rows,
      targets: p.targets,
      y: estimates,
      ...(p.bias ? { bias: p.bias } : {}),
    }, {
      rowCount: p.rowCount,
      d: p.d,
      first: shard.first,
      columns: shard.columns,
      softcap: p.options.softcap,
    }, rowGrid(p.rowCount));
  }
  return estimates;
}
