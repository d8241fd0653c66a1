/**
 * Blocks of logits in scratch memory: what the naive, chunked and exact cut ways are made of, with
 * gradient_products.ts.
 */
import { gatherRows } from "../../kernels/gather_rows.ts";
import { elementGrid, rowGrid } from "../../kernels/grid.ts";
import { targetLogits } from "../../kernels/target_logits.ts";
import type { BufferSlice, DeviceBuffer } from "../gpu/pool.ts";
import { elementBytes } from "../tensor/shape.ts";
import { type Product, product } from "../tensor/product.ts";
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
export function columnsOf(logits: BufferSlice, column: number): BufferSlice {
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
