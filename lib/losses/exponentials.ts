/** The chunked way by exponentials of the logits: see kernels/exponentials.ts. */
import { exponentialRows, ROW_THREADS } from "../../kernels/exponentials.ts";
import { rowGrid } from "../../kernels/grid.ts";
import { transpose, transposeGrid } from "../../kernels/transpose.ts";
import type { BufferSlice, DeviceBuffer } from "../gpu/pool.ts";
import { type Product, product, type Started } from "../tensor/product.ts";
import { sumsOf, transposedFirst } from "../tensor/product_plan.ts";
import {
  columnParts,
  logitsProduct,
  logitsStride,
  makeGradients,
  rowsOfE,
  targetLogitEstimates,
} from "./blocks.ts";
import { gradientProducts } from "./gradient_products.ts";
import type { Problem } from "./problem.ts";
import { checkWidth, type EagerGradients, type EagerResult, rowsOfChunk } from "./stored.ts";

/**
 * Whether losses and gradients can be made of exponentials. What else needs the logits themselves has them,
 * and in half mode exponentials would be beyond f16.
 */
export function canUseExponentials(p: Problem): boolean {
  const { softcap, labelSmoothing, zLoss } = p.options;
  return !p.half && !softcap && !labelSmoothing && !zLoss && !p.correct;
}

/** Storage buffers of the kernel for rows with weights and parts. */
const MOST_BUFFERS = 9;

/** Losses, and gradients for an upstream gradient of 1, a block of rows at a time. */
export function exponentialForward(p: Problem, { wanted, factor }: EagerGradients): EagerResult {
  checkWidth(p);
  const { gpu, rowCount, weights, d } = p, columns = { first: 0, columns: p.v };
  const most = rowsOfChunk(p), stride = logitsStride(p.v);
  const losses = p.allocate(rowCount * 4, "loss of each token");
  const made = makeGradients(p, wanted, false);
  const scratch = p.allocate(most * stride * 4, "block of logits");
  const reference = targetLogitEstimates(p);
  // The factors of rows, and behind them the rows of E times these, which begin at 256 bytes.
  const scaledAt = Math.ceil(most / 64) * 64;
  const scaled = p.allocate((scaledAt + most * d) * 4, "scaled rows of e");
  // The gradient of E is where E's rows lie transposed, until their own gradient takes their place.
  const room = p.identity && needsTransposed(p, most) ? made.e : undefined;
  if (room) {
    const sizes = { rows: rowCount, columns: d, strideX: d, strideY: most };
    gpu.run(transpose({ blocks: true }), { x: p.e, y: room }, sizes, transposeGrid(rowCount, d));
  }
  /** The block before's gradient of E, whose parts are still to be added up. */
  let before: Started | undefined;
  try {
    for (let first = 0; first < rowCount; first += most) {
      const block = { first, rows: Math.min(most, rowCount - first) }, { rows } = block;
      const x = scratch.slice(0, rows * stride * 4);
      const { slice: e, copy } = rowsOfE(p, block);
      const transposed = room && {
        a: { ...room.slice, offset: room.slice.offset + first * d * 4, bytes: rows * d * 4 },
        transposeA: true,
        strideA: rows,
      };
      const { sums, count, sumStride } = exponentialsBlock(
        p,
        e,
        rows,
        reference.slice(first * 4, rows * 4),
        x,
        transposed,
      );
      const partial = before?.partial;
      const adds = partial && partial.elements % 4 === 0 &&
        (!weights || gpu.limits.maxStorageBuffersPerShaderStage >= MOST_BUFFERS);
      if (!adds) before?.finish();
      const partCount = adds ? partial.elements / 4 : 0;
      gpu.run(
        exponentialRows({ weighted: weights !== undefined, parts: adds ? partial.count : 0 }),
        {
          x,
          sums,
          targets: p.targets,
          e,
          scaled,
          losses,
          ...(weights ? { weights } : {}),
          ...(adds ? { parts: partial.parts, dE: partial.y } : {}),
        },
        {
          rowCount: rows,
          first,
          stride,
          sumCount: count,
          sumStride,
          d,
          scaledAt,
          factor,
          ...(adds ? { partCount } : {}),
        },
        rowGrid(rows + Math.ceil(partCount / ROW_THREADS)),
      );
      before?.release();
      sums.release();
      copy?.release();
      before = gradientProducts(
        p,
        block,
        columns,
        x,
        scaled.slice(scaledAt * 4, rows * d * 4),
        made,
        { rows: true, columns: first === 0 },
        scaled.slice(0, rows * 4),
        true,
      );
    }
    before?.finish();
  } catch (error) {
    before?.release();
    throw error;
  }
  for (const buffer of [reference, scratch, scaled]) buffer.release();
  return { losses, made };
}

/**
 * exp(E · Cᵀ + bias − reference) of a block of whole rows, laid out like logits, and sums of them: see
 * kernels/exponentials.ts. The caller releases `sums`, f32 [count, sumStride], of which `rows` are used.
 *
 * @param transposed the rows of E transposed, if they are, as A of a product.
 */
function exponentialsBlock(
  p: Problem,
  e: BufferSlice,
  rows: number,
  reference: BufferSlice,
  exponentials: BufferSlice,
  transposed: Partial<Product> = {},
): { sums: DeviceBuffer; count: number; sumStride: number } {
  const all = { first: 0, columns: p.v };
  const parts = columnParts(p, 0, p.v);
  const products = parts.map((part) => ({
    ...logitsProduct(p, e, rows, all, part, exponentials),
    ...transposed,
  }));
  const made = products.map((each) => sumsOf(p.gpu, each));
  const count = made.reduce((sum, { count }) => sum + count, 0);
  const sumStride = Math.max(...made.map(({ rows }) => rows));
  const sums = p.allocate(sumStride * count * 4, "sums of exponentials");
  let firstSum = 0;
  products.forEach((each, i) => {
    const { first, columns } = parts[i], isLast = i === parts.length - 1;
    const written = isLast ? logitsStride(p.v) - first : columns;
    const exponentials = { reference, sums, sumStride, firstSum, written };
    product(p.gpu, { ...each, exponentials });
    firstSum += made[i].count;
  });
  return { sums, count, sumStride };
}

/** Whether logits of so many rows are made of E transposed. */
function needsTransposed(p: Problem, rows: number): boolean {
  const all = { first: 0, columns: p.v }, memory = p.e.slice;
  return transposedFirst(p.gpu, logitsProduct(p, memory, rows, all, all, memory));
}
