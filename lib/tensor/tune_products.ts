/** Finds the fastest tiles for the matrix products of a piece of work. */
import { elementGrid } from "../../kernels/grid.ts";
import { normal } from "../../kernels/normal.ts";
import type { TileShape } from "../../kernels/tile.ts";
import { productTileCandidates } from "../gpu/product_tiles.ts";
import type { TuningResult } from "../gpu/tuning.ts";
import type { Gpu } from "./gpu.ts";
import { type Product, product, watchProducts } from "./product.ts";
import { orientationOf, productKernel, productTile } from "./product_plan.ts";
import type { Tensor } from "./tensor.ts";

/** Options of {@linkcode tuneProducts}. */
export interface TuneProductsOptions {
  /** Milliseconds that measuring may take, about (default 2000). */
  budget?: number;
  /** Tiles that are measured for products of an orientation over k, the standard one first. */
  candidates?: typeof productTileCandidates;
}

/**
 * Records `run` once, to see which products it has, and measures which tiles make them fastest on this
 * adapter: those that take longest first, one of each class of shapes. They are used from then on.
 *
 * Tiles change the speed only: results have the same bits whatever is chosen. On a software adapter,
 * or with `Gpu.open({ autotune: false })`, there is nothing to choose; `run` is not called then.
 *
 * ```ts ignore
 * await tuneProducts(gpu, () => {
 *   using loss = model.loss(batch);
 *   loss.backward();
 * });
 * ```
 */
export async function tuneProducts(
  gpu: Gpu,
  run: () => void,
  { budget = 2000, candidates = productTileCandidates }: TuneProductsOptions = {},
): Promise<TuningResult[]> {
  if (!gpu.tuning.enabled || candidates(gpu, 32, "A·B").length < 2) return [];
  const classes = new Map<string, { largest: Product; shapes: string; operations: number }>();
  watchProducts((p) => {
    const { m, n, k, batch = 1, half } = p, orientation = orientationOf(p);
    const { shapes } = productTile(gpu, p);
    if (shapes === undefined || half !== undefined || batch > 1) return;
    const key = `${orientation}, ${shapes}`, before = classes.get(key);
    const operations = m * n * k + (before?.operations ?? 0);
    const larger = before && before.largest.m * before.largest.n * before.largest.k >= m * n * k;
    classes.set(key, { largest: larger ? before.largest : p, shapes, operations });
  }, run);
  await gpu.sync();

  const results: TuningResult[] = [];
  const order = [...classes.values()].sort((a, b) => b.operations - a.operations);
  const start = performance.now();
  for (const [i, { largest, shapes }] of order.entries()) {
    // Not a scope, which would also free what others make while times are waited for.
    const operands: Tensor[] = [];
    try {
      const p = likeIt(gpu, largest, operands), orientation = orientationOf(p);
      const use = <T>(tile: TileShape, fn: () => T) => gpu.tuning.using(orientation, tile, fn);
      const left = budget - (performance.now() - start);
      results.push(
        await gpu.tuning.choose(
          orientation,
          shapes,
          candidates(gpu, p.k, orientation).map((tile) => ({
            name: tileName(tile),
            value: tile,
            kernel: use(tile, () => productKernel(gpu, p)),
            run: () => use(tile, () => product(gpu, p)),
          })),
          { budget: left / (order.length - i) },
        ),
      );
    } finally {
      for (const tensor of operands) tensor.dispose();
    }
  }
  return results;
}

/** Such as "128×128×16, 16×16 threads". */
export function tileName({ m, n, k, threadsX, threadsY }: TileShape): string {
  return `${m}×${n}×${k}, ${threadsX}×${threadsY} threads`;
}

/** A product of the same kind and size with operands of its own, added to `operands`. */
function likeIt(gpu: Gpu, p: Product, operands: Tensor[]): Product {
  const { m, n, k, transposeA, transposeB, activation, cap, accumulate, checked } = p;
  const random = (size: number) => {
    const tensor = randomTensor(gpu, size).keep();
    operands.push(tensor);
    return tensor;
  };
  return {
    ...{ m, n, k, transposeA, transposeB, activation, cap, accumulate, checked },
    a: random(m * k),
    b: random(n * k),
    y: random(m * n),
    ...(p.bias ? { bias: random(n) } : {}),
    ...(p.residual ? { residual: random(m * n) } : {}),
  };
}

function randomTensor(gpu: Gpu, size: number): Tensor {
  const tensor = gpu.empty([size], { label: "operand of tuning" });
  const numbers = { seed_low: size, seed_high: 0, stream_low: 0, stream_high: 0 };
  const grid = elementGrid(Math.ceil(size / 4), 256);
  gpu.run(normal(), { y: tensor }, { count: size, scale: 1, ...numbers }, grid);
  return tensor;
}
