/** Matrix products on device memory: picks the kernel for shapes, strides and adapter. */
import { elementGrid } from "../../kernels/grid.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { type Activation, matmul } from "../../kernels/matmul.ts";
import { sumParts } from "../../kernels/sum_parts.ts";
import { transpose, transposeGrid } from "../../kernels/transpose.ts";
import type { Bindable, GpuDevice } from "../gpu/device.ts";
import { GpuError } from "../gpu/errors.ts";
import type { DeviceBuffer } from "../gpu/pool.ts";
import { chooseTile, type Orientation } from "../gpu/product_tiles.ts";
import { halfTile, LONGEST_STEP, MOST_STEPS } from "../gpu/tiles.ts";

/** What the tile of a product is chosen by. */
export function orientationOf(p: Pick<Product, "transposeA" | "transposeB">): Orientation {
  return `${p.transposeA ? "Aᵀ" : "A"}·${p.transposeB ? "Bᵀ" : "B"}`;
}

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

/** What turning A round first can be tuned by, which tests do. */
export const TRANSPOSED_FIRST = "transposed_first";

/** Columns, and multiply-adds, from which A·Bᵀ is faster as (Aᵀ)ᵀ·Bᵀ: a copy of A is soon made then. */
const MANY_COLUMNS = 2048, MANY_PRODUCTS = 2 ** 32;

/**
 * Whether A is transposed first. What comes along k must be turned on its way into workgroup memory; on an
 * NVIDIA H200 A·Bᵀ, where that is both, makes 45 TFLOP/s, Aᵀ·Bᵀ 47.8.
 */
export function transposedFirst(gpu: GpuDevice, p: Product): boolean {
  const { m, n, k, batch = 1, half } = p;
  if (orientationOf(p) !== "A·Bᵀ" || half !== undefined || batch > 1) return false;
  if (transposedStride(m) * k * 4 > gpu.maxBinding) return false;
  return gpu.tuning.get<boolean>(TRANSPOSED_FIRST, "A·Bᵀ") ??
    (!gpu.adapter.software && n >= MANY_COLUMNS && m * n * k >= MANY_PRODUCTS);
}

/** Elements from one memory row of A's copy to the next, so that four at a time are loaded. */
function transposedStride(m: number): number {
  return Math.ceil(m / 4) * 4;
}

/** Records A's transposition, and what else `start` does. */
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

/** The tile of a product, and into how many parts K is cut. */
export function productTile(gpu: GpuDevice, p: Product): ReturnType<typeof chooseTile> {
  const { m, n, k, batch, strideY = n } = p;
  const tuned = !p.exponentials;
  const divisible = tuned && !p.bias && !p.activation && !p.residual && (batch ?? 1) === 1 &&
    strideY === n;
  const half = p.half !== undefined;
  return chooseTile(gpu, { m, n, k, batch, divisible, half, tuned }, orientationOf(p));
}

/** How many sums of each row a product with `exponentials` leaves, and for how many rows, some unused. */
export function sumsOf(gpu: GpuDevice, p: Product): { count: number; rows: number } {
  const { tile } = productTile(gpu, { ...p, transposeA: p.transposeA || transposedFirst(gpu, p) });
  return { count: Math.ceil(p.n / tile.n), rows: Math.ceil(p.m / tile.m) * tile.m };
}

/** How a product is made. */
interface Plan {
  kernel: Kernel;
  params: Record<string, number>;
  grid: [number, number, number];
  /** Parts of K, whose products are added up afterwards. */
  splits: number;
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
  watcher?.(p);
  const { m, n, y } = p, { kernel, params, grid, splits } = plan(gpu, p);
  const operands = {
    a: p.a,
    b: p.b,
    y,
    ...(p.bias ? { bias: p.bias } : {}),
    ...(p.residual ? { residual: p.residual } : {}),
    ...(p.scales ? { scales: p.scales } : {}),
    ...(p.exponentials ? { reference: p.exponentials.reference, sums: p.exponentials.sums } : {}),
  };
  if (splits === 1) {
    gpu.run(kernel, operands, params, grid);
    return { finish() {}, release() {} };
  }
  const others = splits - 1, count = m * n;
  const parts = gpu.allocate(others * count * 4, "partial products");
  gpu.run(kernel, { ...operands, parts }, params, grid);
  return {
    partial: { parts, count: others, y, elements: count },
    finish() {
      const vector = count % 4 === 0, elements = vector ? count / 4 : count;
      const grid = elementGrid(elements, 256);
      gpu.run(sumParts({ parts: others, vector }), { parts, y }, { count: elements }, grid);
      parts.release();
    },
    release() {
      if (!parts.freed) parts.release();
    },
  };
}

/** The kernel that a product uses. */
export function productKernel(gpu: GpuDevice, p: Product): Kernel {
  return plan(gpu, p).kernel;
}

/** Picks tile and kernel. */
function plan(gpu: GpuDevice, p: Product): Plan {
  const { m, n, k, transposeA = false, transposeB = false, batch = 1 } = p;
  const strideA = p.strideA ?? (transposeA ? m : k);
  const strideB = p.strideB ?? (transposeB ? k : n);
  const strideY = p.strideY ?? n;
  const batchA = p.batchA ?? 0, batchB = p.batchB ?? 0, batchY = p.batchY ?? m * strideY;
  const { tile, splits } = p.half === "both"
    ? { tile: halfTile(gpu), splits: 1 }
    : productTile(gpu, p);
  if (gpu.adapter.software && k / tile.k / splits > MOST_STEPS) {
    throw new GpuError(
      `A product over K = ${k} is too long for the software adapter, which leaves loops after 65,535 ` +
        `steps; expected at most ${MOST_STEPS * tile.k}.`,
    );
  }
  // Zeros in A meet what is read beyond the rows of B: nothing, unless B ends before its binding does, which
  // is whole 16 bytes. What other tensors left there may be no number, and 0 · NaN is NaN.
  const zerosBeyondK = p.padded === true && !transposeA && !transposeB &&
    strideA >= Math.ceil(k / tile.k) * tile.k && (k * strideB * (p.half ? 2 : 4)) % 16 === 0;
  const fours = (...values: number[]) => values.every((value) => value % 4 === 0);
  const foursOfK = tile.k % 4 === 0;
  const kernel = matmul({
    tile,
    transposeA,
    transposeB,
    // Four at a time along k must all be meant; along m or n what is too much is not used.
    vectorA: fours(strideA, batchA) && (transposeA || (foursOfK && (p.padded || fours(k)))),
    vectorB: fours(strideB, batchB) && (!transposeB || (foursOfK && fours(k))),
    vectorY: splits > 1 ? fours(n) : fours(strideY, batchY) && (p.padded || fours(n)),
    // The software adapter compiles for long: one kernel for all K there.
    wholeSteps: (k % tile.k === 0 || zerosBeyondK) && !gpu.adapter.software,
    half: p.half,
    bias: p.bias !== undefined,
    activation: p.activation ?? "none",
    parts: splits > 1,
    accumulate: p.accumulate ?? false,
    residual: p.residual !== undefined,
    checked: p.checked,
    scaled: p.scales !== undefined,
    exponentials: p.exponentials !== undefined,
  });
  const params = {
    m,
    n,
    k,
    strideA,
    strideB,
    strideY: splits > 1 ? n : strideY,
    batchA,
    batchB,
    batchY: splits > 1 ? m * n : batchY,
    // The same parts for every tile, so that chains of additions are cut at the same places.
    partK: Math.ceil(k / LONGEST_STEP / splits) * LONGEST_STEP,
    alpha: p.alpha ?? 1,
    cap: p.cap ?? 1,
    ...(p.exponentials
      ? {
        written: p.exponentials.written,
        sumStride: p.exponentials.sumStride / 4,
        firstSum: p.exponentials.firstSum,
      }
      : {}),
  };
  const grid: [number, number, number] = [
    Math.ceil(m / tile.m),
    Math.ceil(n / tile.n),
    batch * splits,
  ];
  return { kernel, params, grid, splits };
}
