/** How a matrix product is made: kernel, tile, parts of K. */
import type { Kernel } from "../../kernels/kernel.ts";
import { matmul, type MatmulConstants } from "../../kernels/matmul.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { GpuError } from "../gpu/errors.ts";
import { chooseTile, type Orientation } from "../gpu/product_tiles.ts";
import { halfTile, LONGEST_STEP, MOST_STEPS } from "../gpu/tiles.ts";
import type { Product } from "./product.ts";

/** What the tile of a product is chosen by. */
export function orientationOf(p: Pick<Product, "transposeA" | "transposeB">): Orientation {
  return `${p.transposeA ? "Aᵀ" : "A"}·${p.transposeB ? "Bᵀ" : "B"}`;
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
export function transposedStride(m: number): number {
  return Math.ceil(m / 4) * 4;
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
export interface Plan {
  constants: MatmulConstants;
  params: Record<string, number>;
  grid: [number, number, number];
  /** Parts of K, whose products are added up afterwards. */
  splits: number;
}

/** The kernel that a product uses. */
export function productKernel(gpu: GpuDevice, p: Product): Kernel {
  return matmul(planOf(gpu, p).constants);
}

/** Picks tile and kernel. */
export function planOf(gpu: GpuDevice, p: Product): Plan {
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
  const constants: MatmulConstants = {
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
  };
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
  return { constants, params, grid, splits };
}
