/** The naive and the chunked way: logits in device memory, all of them or a block of rows. */
import { rowGrid } from "../../kernels/grid.ts";
import { logitsStatistics } from "../../kernels/logits_statistics.ts";
import type { BufferSlice, DeviceBuffer } from "../gpu/pool.ts";
import { formatBytes, OutOfMemoryError } from "../gpu/errors.ts";
import { ShapeError } from "../tensor/shape.ts";
import {
  type Gradients,
  logitsBlock,
  logitsStride,
  makeGradients,
  type RowBlock,
  rowGrain,
  rowsOfBlock,
  rowsOfE,
  type Wanted,
} from "./blocks.ts";
import { gradientProducts, gradientsByBlocks, logitsGradientBlock } from "./gradient_products.ts";
import type { Problem } from "./problem.ts";

/** Losses of the rows that count, and the way back. */
export interface ForwardResult {
  /** f32 [rowCount]. */
  losses: DeviceBuffer;
  lse: DeviceBuffer;
  /** Gradients for the coefficients of kernels/loss_coefficients.ts, f32 [rowCount, 4]. */
  gradients(coefficients: DeviceBuffer, wanted: Wanted): Gradients;
}

/** Losses of the rows that count, and gradients that were made along with them. */
export interface EagerResult {
  /** f32 [rowCount]. */
  losses: DeviceBuffer;
  made: Gradients;
}

/** Gradients computed along with the loss, for an upstream gradient of 1. */
export interface EagerGradients {
  wanted: Wanted;
  /** What each token's loss is multiplied by. */
  factor: number;
}

/** Blocks of logits take about this much, unless 128 rows take more. */
const SCRATCH_BYTES = 80 * 2 ** 20;

/** Threads of a row, where a device has so many; with 256 chunked gradients take 0.4% longer (NVIDIA H200). */
const MOST_THREADS = 1024;

/** Log-sum-exp and loss of a block of rows, whose logits become their gradient if `factor` is given. */
function statistics(
  p: Problem,
  logits: BufferSlice,
  block: RowBlock,
  lse: DeviceBuffer,
  losses: DeviceBuffer,
  factor?: number,
): void {
  const { constants, bindings, params } = p.tokenLoss, { softcap } = p.options;
  const { adapter, limits } = p.gpu;
  const most = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  const threads = adapter.software || most < MOST_THREADS ? 256 : MOST_THREADS;
  const gradient = factor === undefined ? "none" : softcap ? "softcap" : "plain";
  p.gpu.run(
    logitsStatistics({ ...constants, threads, gradient }),
    { logits, targets: p.targets, lse, losses, ...bindings },
    {
      rowCount: block.rows,
      first: block.first,
      columns: p.v,
      stride: logitsStride(p.v),
      ...params,
      ...(factor === undefined ? {} : { factor }),
      ...(gradient === "softcap" ? { softcap } : {}),
    },
    rowGrid(block.rows),
  );
}

/** Throws if the logits of the smallest block of rows are more than a kernel can bind. */
export function checkWidth(p: Problem): void {
  const rows = Math.min(p.rowCount, rowGrain(p)), bytes = rows * logitsStride(p.v) * 4;
  if (bytes > p.gpu.maxBinding) {
    throw new ShapeError(
      `V = ${p.v} is too large for impl "${p.options.impl}": ${rows} rows of logits, ` +
        `${formatBytes(bytes)}, exceed what a kernel of this device can bind, ` +
        `${formatBytes(p.gpu.maxBinding)}; use impl "cut".`,
    );
  }
}

/** Stores all logits, and their gradient in their place. */
export function naiveForward(p: Problem, differentiate: boolean): ForwardResult {
  const { gpu, rowCount } = p, stride = logitsStride(p.v);
  const bytes = rowCount * stride * 4;
  if (bytes > gpu.limits.maxBufferSize) {
    throw new OutOfMemoryError(
      `impl "naive" stores ${rowCount} × ${p.v} logits, ${formatBytes(bytes)}, but one buffer of ` +
        `this device holds at most ${
          formatBytes(gpu.limits.maxBufferSize)
        }; use impl "cut" or "chunked".`,
    );
  }
  checkWidth(p);
  const losses = p.allocate(rowCount * 4, "loss of each token");
  const lse = p.allocate(rowCount * 4, "log-sum-exp");
  const logits = p.allocate(bytes, "logits");
  // All rows at once, unless they exceed a binding.
  const grain = rowGrain(p);
  const most = Math.floor(gpu.maxBinding / (stride * 4) / grain) * grain;
  const blocks: RowBlock[] = [];
  for (let first = 0; first < rowCount; first += most || rowCount) {
    blocks.push({ first, rows: Math.min(most || rowCount, rowCount - first) });
  }
  const part = ({ first, rows }: RowBlock) => logits.slice(first * stride * 4, rows * stride * 4);
  for (const block of blocks) {
    const { slice: e, copy } = rowsOfE(p, block);
    logitsBlock(p, e, block.rows, { first: 0, columns: p.v }, part(block));
    statistics(p, part(block), block, lse, losses);
    copy?.release();
  }
  if (!differentiate) logits.release();
  return {
    losses,
    lse,
    gradients(coefficients, wanted) {
      const gradients = makeGradients(p, wanted, false);
      const columns = { first: 0, columns: p.v };
      for (const block of blocks) {
        const { slice: e, copy } = rowsOfE(p, block);
        logitsGradientBlock(p, block, columns, coefficients, part(block));
        gradientProducts(p, block, columns, part(block), e, gradients, {
          rows: true,
          columns: block.first === 0,
        });
        copy?.release();
      }
      return gradients;
    },
  };
}

/** Rows of a block of the chunked way. */
export function rowsOfChunk(p: Problem): number {
  const bytes = p.options.scratchBytes ?? Math.max(SCRATCH_BYTES, 128 * logitsStride(p.v) * 4);
  return rowsOfBlock(p, p.v, Math.min(bytes, p.gpu.maxBinding));
}

/** Stores the logits of a block of rows at a time. */
export function chunkedForward(p: Problem): ForwardResult {
  const { losses, lse, rows } = byChunks(p);
  return {
    losses,
    lse,
    gradients: (coefficients, wanted) =>
      gradientsByBlocks(p, coefficients, wanted, { rows, columns: p.v }),
  };
}

/** The same, with gradients made of the logits while they are there. */
export function eagerForward(p: Problem, { wanted, factor }: EagerGradients): EagerResult {
  const made = makeGradients(p, wanted, false), columns = { first: 0, columns: p.v };
  const { losses, lse } = byChunks(
    p,
    factor,
    (block, logits, e) =>
      gradientProducts(p, block, columns, logits, e, made, {
        rows: true,
        columns: block.first === 0,
      }),
  );
  lse.release();
  return { losses, made };
}

/** Goes through the rows in blocks, whose logits become their gradients if there is a `factor`. */
function byChunks(
  p: Problem,
  factor?: number,
  use?: (block: RowBlock, logits: BufferSlice, e: BufferSlice) => void,
): { losses: DeviceBuffer; lse: DeviceBuffer; rows: number } {
  checkWidth(p);
  const { rowCount } = p, rows = rowsOfChunk(p), bytes = logitsStride(p.v) * 4;
  const losses = p.allocate(rowCount * 4, "loss of each token");
  const lse = p.allocate(rowCount * 4, "log-sum-exp");
  const scratch = p.allocate(rows * bytes, "block of logits");
  for (let first = 0; first < rowCount; first += rows) {
    const block = { first, rows: Math.min(rows, rowCount - first) };
    const logits = scratch.slice(0, block.rows * bytes);
    const { slice: e, copy } = rowsOfE(p, block);
    logitsBlock(p, e, block.rows, { first: 0, columns: p.v }, logits);
    statistics(p, logits, block, lse, losses, factor);
    use?.(block, logits, e);
    copy?.release();
  }
  scratch.release();
  return { losses, lse, rows };
}
