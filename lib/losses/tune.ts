/** Finds the fastest tiles for a loss on this adapter, before it is first computed. */
import { elementGrid } from "../../kernels/grid.ts";
import { normal } from "../../kernels/normal.ts";
import { CUT_FORWARD, cutTileCandidates, shapeClass } from "../gpu/tiles.ts";
import type { TuningResult } from "../gpu/tuning.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { product } from "../tensor/product.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { tileName, tuneProducts } from "../tensor/tune_products.ts";
import { cutForward, forwardKernelFor } from "./cut.ts";
import type { LinearCrossEntropyOptions } from "./options.ts";
import { Problem, SHARD_ROWS } from "./problem.ts";

/** What a loss will be called with. */
export interface LossToTune
  extends Pick<LinearCrossEntropyOptions, "impl" | "filterEps" | "softcap" | "labelSmoothing"> {
  /** Tokens of a batch. */
  n: number;
  /** Entries of the vocabulary. */
  v: number;
  /** Width of the embeddings. */
  d: number;
  /** Whether gradients will be asked for (default true). */
  gradients?: boolean;
  /** Milliseconds that measuring may take, about (default 1500). */
  budget?: number;
}

/** Shapes that are measured: enough to fill a GPU, little enough to take milliseconds. */
const MOST_ROWS = 4096, MOST_COLUMNS = 16384;

/**
 * Measures which tiles make `linearCrossEntropy` fastest on this adapter, and uses them from then on
 * for shapes like these. Call it once, before training or measuring:
 *
 * ```ts
 * import { Gpu, linearCrossEntropy, tuneLinearCrossEntropy } from "cutloss";
 * using gpu = await Gpu.open();
 * await tuneLinearCrossEntropy(gpu, { n: 64, v: 512, d: 32 });
 * ```
 *
 * Tiles change the speed only: losses and gradients have the same bits whatever is chosen. Without
 * the call, or with `Gpu.open({ autotune: false })`, the tiles are those that were the fastest on an
 * NVIDIA H200. Choices are kept in `gpu.tuning`, and in the `tuningStore` that the GPU was opened
 * with. On a software adapter there is nothing to choose, and it returns at once. E and C of f16 use
 * one tile, since their bits would depend on it.
 */
export async function tuneLinearCrossEntropy(
  gpu: Gpu,
  { n, v, d, impl = "cut", filterEps = null, gradients = true, budget = 1500, ...options }:
    LossToTune,
): Promise<TuningResult[]> {
  for (const [name, size] of Object.entries({ n, v, d })) {
    if (!(Number.isInteger(size) && size > 0)) {
      throw new RangeError(`${name} is ${size}; expected a whole number of at least 1.`);
    }
  }
  const start = performance.now();
  const left = (share: number) => ({ budget: (budget - (performance.now() - start)) * share });
  const results: TuningResult[] = [];
  const rowsInBinding = Math.floor(gpu.maxBinding / (4 * d) / SHARD_ROWS) * SHARD_ROWS;
  const rows = Math.min(n, MOST_ROWS, rowsInBinding);
  const columns = Math.min(v, MOST_COLUMNS, rowsInBinding);
  if (rows === 0) return results; // such a loss would be refused, too
  const isWorthwhile = (candidates: readonly unknown[]) =>
    gpu.tuning.enabled && candidates.length > 1;
  const isExact = impl !== "cut" || filterEps === null;

  // Not a scope, which would also free what others make while times are waited for.
  const inputs: Tensor[] = [];
  const held = (tensor: Tensor) => {
    inputs.push(tensor.keep());
    return tensor;
  };
  const random = (height: number, label: string) => held(randomMatrix(gpu, height, d, label));
  try {
    const tiles = cutTileCandidates(gpu, d);
    if (impl === "cut" && isWorthwhile(tiles)) {
      const e = random(rows, "e of tuning"), c = random(columns, "c of tuning");
      const targets = Int32Array.from({ length: rows }, (_, i) => i % columns);
      const withProblem = <T>(fn: (p: Problem) => T): T => {
        const p = new Problem(e, c, targets, { ...options, filterEps });
        try {
          return fn(p);
        } finally {
          p.release();
        }
      };
      results.push(
        await gpu.tuning.choose(
          CUT_FORWARD,
          shapeClass(n, v, d),
          tiles.map((tile) => ({
            name: tileName(tile),
            value: tile,
            kernel: withProblem((p) => forwardKernelFor(p, tile, gradients && !isExact)),
            run: () =>
              withProblem((p) => {
                gpu.tuning.using(CUT_FORWARD, tile, () => cutForward(p, gradients));
              }),
          })),
          left(gradients && isExact ? 0.5 : 1),
        ),
      );
    }

    if (isExact && (gradients || impl !== "cut")) {
      const height = Math.min(rows, rowsOfLogits(impl, v)), width = columns;
      const e = random(height, "e of tuning"), c = random(width, "c of tuning");
      const logits = held(gpu.empty([height, width], { label: "logits of tuning" }));
      // As in blocks.ts: the logits (but exponentials have a tile that is not tuned), gradients of E and C.
      const products = () => {
        product(gpu, { a: e, b: c, y: logits, m: height, n: width, k: d, transposeB: true });
        if (!gradients) return;
        const accumulate = true;
        product(gpu, { a: logits, b: c, y: e, m: height, n: d, k: width, accumulate });
        product(gpu, {
          a: logits,
          b: e,
          y: c,
          m: width,
          n: d,
          k: height,
          transposeA: true,
          accumulate,
        });
      };
      results.push(...await tuneProducts(gpu, products, left(1)));
    }
  } finally {
    for (const tensor of inputs) tensor.dispose();
  }
  return results;
}

/** How many rows' logits are stored at a time: as in stored.ts and cut.ts, about. */
function rowsOfLogits(impl: "naive" | "chunked" | "cut", v: number): number {
  if (impl !== "chunked") return 1024;
  return Math.max(128, Math.floor(80 * 2 ** 20 / (4 * v) / 128) * 128);
}

function randomMatrix(gpu: Gpu, rows: number, columns: number, label: string): Tensor {
  const tensor = gpu.empty([rows, columns], { label });
  gpu.run(normal(), { y: tensor }, {
    count: rows * columns,
    scale: 1 / Math.sqrt(columns),
    seed_low: rows,
    seed_high: columns,
    stream_low: 0,
    stream_high: 0,
  }, elementGrid(Math.ceil(rows * columns / 4), 256));
  return tensor;
}
