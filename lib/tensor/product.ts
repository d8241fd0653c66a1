/** Matrix products on device memory. */
import { elementGrid } from "../../kernels/grid.ts";
import { type Activation, matmul } from "../../kernels/matmul.ts";
import { sumParts } from "../../kernels/sum_parts.ts";
import { transpose, transposeGrid } from "../../kernels/transpose.ts";
import type { Bindable, GpuDevice } from "../gpu/device.ts";
import type { DeviceBuffer } from "../gpu/pool.ts";
import { type Plan, planOf, transposedFirst, transposedStride } from "./product_plan.ts";

/** One matrix product Y = alpha · A · B, with what may be done on the way out. */
export interface Product {
  a: Bindable;
  b: Bindable;
  y: Bindable;
  m: number;
  n: number;
  k: number;
  /** A lies in memory as [K, M]. */
  transposeA?: boolean;
  /** B lies in memory as [N, K]. */
  transposeB?: boolean;
  /** B is f16, or both are: then products are f16 too, summed as in kernels/tile.ts. */
  half?: "b" | "both";
  /** Elements from one memory row to the next (default: rows without gaps). */
  strideA?: number;
  strideB?: number;
  strideY?: number;
  /** What lies between a row's end and the next row is the row's own: zeros in A, free in Y. */
  padded?: boolean;
  /** Number of products, and elements from one to the next in each operand (0: the same one). */
  batch?: number;
  batchA?: number;
  batchB?: number;
  batchY?: number;
  alpha?: number;
  /** [N], added to every row. */
  bias?: Bindable;
  activation?: Activation;
  /** For the activation "softcap": cap · tanh(x / cap). */
  cap?: number;
  /** Adds the product to what Y holds. */
  accumulate?: boolean;
  /** [M, N] with Y's stride, added after the activation. */
  residual?: Bindable;
  /** What is infinite or no number, but for a bias of −∞, becomes 3e38. */
  checked?: boolean;
  /** f32 [M]: every row of the product is multiplied by one. */
  scales?: Bindable;
  /** Y becomes exponentials of the product: see kernels/exponentials.ts. Its tile is not tuned. */
  exponentials?: Exponentials;
}

/** What exponentials of a product need. */
export interface Exponentials {
  /** f32 [M]: what is subtracted from each row. */
  reference: Bindable;
  /** f32: sums of each row, then others of each, as {@linkcode sumsOf} says; a multiple of four apart. */
  sums: Bindable;
  sumStride: number;
  /** Place of the first among the sums of a row. */
  firstSum: number;
  /** Columns that are written, zeros from N on. */
  written: number;
}

/** Told of every product, see {@linkcode watchProducts}. */
let watcher: ((p: Product) => void) | undefined;

/** Tells `watch` of each product that `run` records. */
export function watchProducts(watch: (p: Product) => void, run: () => void): void {
  const outer = watcher;
  watcher = watch;
  try {
    run();
  } finally {
    watcher = outer;
  }
}

/**
 * Records a matrix product. Elements are f32 unless `half` says otherwise, sums one chain of fused
 * multiply-adds with k ascending (cut into a few chains, added in order, where M and N are small and
 * K is large).
 */
export function product(gpu: GpuDevice, p: Product): void {
  startProduct(gpu, p).finish();
}

/** Records products that do not depend on each other, so that they may run at the same time. */
export function independentProducts(gpu: GpuDevice, products: readonly Product[]): void {
  const operations = products.map(({ m, n, k, batch = 1 }) => 2 * m * n * k * batch);
  const together = products.length > 1 ? operations.reduce((sum, x) => sum + x) : 0;
  gpu.concurrently(together, () => {
    const started: Started[] = [];
    try {
      for (const p of products) started.push(startProduct(gpu, p));
      for (const { finish } of started) finish();
    } catch (error) {
      for (const { release } of started) release();
      throw error;
    }
  });
}

/** A product whose parts are still to be added up, by `finish` or by somebody else. */
export interface Started {
  /** Parts but the first, one behind the other: what is to be added to `y`, which has the first. */
  partial?: { parts: DeviceBuffer; count: number; y: Bindable; elements: number };
  /** Adds them up, and frees them. */
  finish(): void;
  /** Frees them. */
  release(): void;
}

/** Records a product but for the sum of its parts. */
export function startProduct(gpu: GpuDevice, p: Product): Started {
  if (transposedFirst(gpu, p)) return startTransposed(gpu, p);
  const plan = planOf(gpu, p), { operands, started } = begin(gpu, p, plan);
  gpu.run(matmul(plan.constants), operands, plan.params, plan.grid);
  return started;
}

/** Records A's transposition, and what `startProduct` does. */
function startTransposed(gpu: GpuDevice, p: Product): Started {
  const { m, k, strideA = k } = p, strideY = transposedStride(m);
  const a = gpu.allocate(k * strideY * 4, "transposed operand");
  try {
    const sizes = { rows: m, columns: k, strideX: strideA, strideY };
    gpu.run(transpose({ blocks: false }), { x: p.a, y: a }, sizes, transposeGrid(m, k));
    return startProduct(gpu, { ...p, a, transposeA: true, strideA: strideY });
  } finally {
    a.release(); // whoever gets this memory next uses it after the product
  }
}

/** What a product's kernel is given, but for memory for parts. */
export function operandsOf(p: Product): Record<string, Bindable> {
  return {
    a: p.a,
    b: p.b,
    y: p.y,
    ...(p.bias ? { bias: p.bias } : {}),
    ...(p.residual ? { residual: p.residual } : {}),
    ...(p.scales ? { scales: p.scales } : {}),
    ...(p.exponentials ? { reference: p.exponentials.reference, sums: p.exponentials.sums } : {}),
  };
}

/** All that a product's kernel is given, of which only the dispatch is missing. */
export function begin(
  gpu: GpuDevice,
  p: Product,
  { splits }: Plan,
): { operands: Record<string, Bindable>; started: Started } {
  watcher?.(p);
  const { m, n, y } = p, operands = operandsOf(p);
  if (splits === 1) return { operands, started: { finish() {}, release() {} } };
  const count = splits - 1, elements = m * n;
  const parts = gpu.allocate(count * elements * 4, "partial products");
  const started: Started = {
    partial: { parts, count, y, elements },
    finish() {
      const vector = elements % 4 === 0, numbers = vector ? elements / 4 : elements;
      const grid = elementGrid(numbers, 256);
      gpu.run(sumParts({ parts: count, vector }), { parts, y }, { count: numbers }, grid);
      parts.release();
    },
    release() {
      if (!parts.freed) parts.release();
    },
  };
  return { operands: { ...operands, parts }, started };
}
