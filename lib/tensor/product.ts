/** Matrix products on device memory. */
import { elementGrid, rowGrid } from "../../kernels/grid.ts";
import { type Activation, matmul } from "../../kernels/matmul.ts";
import { matmulPair, PAIR } from "../../kernels/matmul_pair.ts";
import { sumParts } from "../../kernels/sum_parts.ts";
import { isSameTile } from "../../kernels/tile.ts";
import { transpose, transposeGrid } from "../../kernels/transpose.ts";
import { type Bindable, type GpuDevice, toSlice } from "../gpu/device.ts";
import type { DeviceBuffer } from "../gpu/pool.ts";
import {
  isFasterInPair,
  type Plan,
  planOf,
  transposedFirst,
  transposedStride,
} from "./product_plan.ts";

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
  startProducts(gpu, [p])[0].finish();
}

/** Records products that do not depend on each other, so that they may run at the same time. */
export function independentProducts(gpu: GpuDevice, products: readonly Product[]): void {
  const operations = products.map(({ m, n, k, batch = 1 }) => 2 * m * n * k * batch);
  const together = products.length > 1 ? operations.reduce((sum, x) => sum + x) : 0;
  gpu.concurrently(together, () => {
    for (const { finish } of startProducts(gpu, products)) finish();
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

/**
 * Records products that do not depend on each other but for the sums of their parts, which come back in
 * their order.
 *
 * @param inPair whether two products may be one dispatch, where that is faster.
 */
export function startProducts(
  gpu: GpuDevice,
  products: readonly Product[],
  inPair = false,
): Started[] {
  const copies: DeviceBuffer[] = [], begun: Begun[] = [];
  try {
    for (const p of products) {
      begun.push(begin(gpu, transposedFirst(gpu, p) ? turned(gpu, p, copies) : p));
    }
    if (inPair && isPair(gpu, begun)) runPair(gpu, begun);
    else {
      for (const { plan, operands } of begun) {
        gpu.run(matmul(plan.constants), operands, plan.params, plan.grid);
      }
    }
    return begun.map(({ started }) => started);
  } catch (error) {
    for (const { started } of begun) started.release();
    throw error;
  } finally {
    for (const copy of copies) copy.release(); // who gets this memory next uses it after the products
  }
}

/** The same product with a copy of A transposed, which is added to `copies`. */
function turned(gpu: GpuDevice, p: Product, copies: DeviceBuffer[]): Product {
  const { m, k, strideA = k } = p, strideY = transposedStride(m);
  const a = gpu.allocate(k * strideY * 4, "transposed operand");
  copies.push(a);
  const sizes = { rows: m, columns: k, strideX: strideA, strideY };
  gpu.run(transpose({ blocks: false }), { x: p.a, y: a }, sizes, transposeGrid(m, k));
  return { ...p, a, transposeA: true, strideA: strideY };
}

/** What making pairs can be tuned by, which tests do. */
export const IN_PAIRS = "in_pairs";

/** Whether two products can be made by one dispatch, and should be. */
function isPair(gpu: GpuDevice, products: readonly Begun[]): boolean {
  if (products.length !== 2) return false;
  const isFaster = isFasterInPair(gpu, products.map(({ plan }) => plan));
  if (!(gpu.tuning.get<boolean>(IN_PAIRS, "") ?? isFaster)) return false;
  const isPlain = ({ p }: Begun) =>
    (p.batch ?? 1) === 1 && !p.half && !p.bias && !p.residual && !p.checked && !p.exponentials &&
    (p.activation ?? "none") === "none";
  const [one, other] = products;
  if (!isPlain(one) || !isPlain(other)) return false;
  if (!isSameTile(one.plan.constants.tile, other.plan.constants.tile)) return false;
  // WebGPU refuses a buffer that is read and written by the same dispatch, also in different places.
  const buffers = products.map(({ operands }) =>
    Object.values(operands).map((each) => toSlice(each).buffer)
  );
  const shares = products.some(({ p }, i) => buffers[1 - i].includes(toSlice(p.y).buffer));
  return !shares && buffers.flat().length <= gpu.limits.maxStorageBuffersPerShaderStage;
}

/** Records two products as one dispatch, the one first that takes a workgroup longer. */
function runPair(gpu: GpuDevice, products: readonly Begun[]): void {
  const pair = products.toSorted((one, other) => other.plan.length - one.plan.length);
  const named = <T>(values: (each: Begun) => Record<string, T>): Record<string, T> =>
    Object.fromEntries(
      pair.flatMap((each, i) =>
        Object.entries(values(each)).map(([name, value]) => [name + PAIR[i], value])
      ),
    );
  const [firstCount, secondCount] = pair.map(({ plan }) => plan.count);
  const count = firstCount + secondCount;
  const [first, second] = pair.map(({ plan }) => plan.constants);
  gpu.run(
    matmulPair({ pair: [first, second] }),
    named(({ operands }) => operands),
    { ...named(({ plan }) => plan.params), firstCount, count },
    rowGrid(count),
  );
}

/** A product that only its dispatch is missing from. */
interface Begun {
  p: Product;
  plan: Plan;
  /** What its kernel is given, with memory for its parts if it has any. */
  operands: Record<string, Bindable>;
  started: Started;
}

function begin(gpu: GpuDevice, p: Product): Begun {
  watcher?.(p);
  const plan = planOf(gpu, p), { splits } = plan, { m, n, y } = p;
  const operands = {
    a: p.a,
    b: p.b,
    y,
    ...(p.bias ? { bias: p.bias } : {}),
    ...(p.residual ? { residual: p.residual } : {}),
    ...(p.scales ? { scales: p.scales } : {}),
    ...(p.exponentials ? { reference: p.exponentials.reference, sums: p.exponentials.sums } : {}),
  };
  if (splits === 1) return { p, plan, operands, started: { finish() {}, release() {} } };
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
  return { p, plan, operands: { ...operands, parts }, started };
}
