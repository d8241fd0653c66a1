/** Which tile a matrix product uses on which adapter. */
import { cutGradientBytes } from "../../kernels/cut_gradient.ts";
import { cutForwardBytes } from "../../kernels/cut_forward.ts";
import { type TileShape, tileStagingBytes, tileThreads } from "../../kernels/tile.ts";
import type { GpuDevice } from "./device.ts";

/** For GPUs: 256 threads of 8 × 8. */
export const LARGE_TILE: TileShape = {
  m: 128,
  n: 128,
  k: 16,
  threadsX: 16,
  threadsY: 16,
  lanesX: 16,
};

/**
 * The same with steps of 32: half as many barriers, and loads along k of whole cache lines. On an
 * NVIDIA H200 45.4 TFLOP/s for 43.0 (A·Bᵀ).
 */
export const DEEP_TILE: TileShape = { ...LARGE_TILE, k: 32 };

/** The longest step of a tile: parts of K are multiples of it. */
export const LONGEST_STEP = 32;

/**
 * For A·B and Aᵀ·B: 128 threads of 12 × 8. Two such workgroups share a processor, so that one computes while
 * the other waits at a barrier. On an NVIDIA H200 A·B 46 to 48.8 TFLOP/s for 44 to 45 (`LARGE_TILE`),
 * Aᵀ·B 48.2 for 45.1 (`DEEP_TILE`).
 */
export const TALL_TILE: TileShape = {
  m: 96,
  n: 128,
  k: 16,
  threadsX: 16,
  threadsY: 8,
  lanesX: 16,
};

/** The same turned by 90°, for Aᵀ·Bᵀ: 47.6 TFLOP/s for 46.7 (`DEEP_TILE`). */
export const BROAD_TILE: TileShape = {
  m: 128,
  n: 96,
  k: 16,
  threadsX: 8,
  threadsY: 16,
  lanesX: 4,
};

/**
 * For A·Bᵀ, whose operands are both loaded along k, in cache lines if steps are deep: 256 threads of
 * 8 × 12. On an NVIDIA H200 45.0 to 45.7 TFLOP/s for 43.5 to 44.7 (`DEEP_TILE`).
 */
export const WIDE_TILE: TileShape = {
  m: 128,
  n: 192,
  k: 32,
  threadsX: 16,
  threadsY: 16,
  lanesX: 16,
};

/** For products too small to fill a GPU with large tiles. */
export const MEDIUM_TILE: TileShape = {
  m: 64,
  n: 64,
  k: 16,
  threadsX: 16,
  threadsY: 16,
  lanesX: 16,
};

/**
 * For the software adapter, where a workgroup is a loop and workgroup memory is just memory: 8 threads
 * of 8 × 8. Beside a staged tile of 16 threads (llvmpipe on two cores, 512 × 1024 × 256): 7 to 9.5
 * GFLOP/s for 5 to 6, compiled in 0.2 s for 0.45.
 */
export const SOFTWARE_TILE: TileShape = {
  m: 16,
  n: 32,
  k: 4,
  threadsX: 4,
  threadsY: 2,
  lanesX: 4,
  direct: true,
};

/**
 * The same for wide products: 12 columns a thread, 20 to 40% faster (1408 × 192 × 48: 10 to 12 GFLOP/s
 * for 7.5).
 */
const WIDE_SOFTWARE_TILE: TileShape = { ...SOFTWARE_TILE, n: 48 };

/**
 * The same for products large enough to be worth compiling it: 16 × 16 a thread, one k at a time, since
 * loads are what takes the time. On two slow cores 60 ms for 100 (512 × 1024 × 256) and 15 for 24 (704 ×
 * 700 × 64); compiled in 0.7 s for 0.45.
 */
const LARGE_SOFTWARE_TILE: TileShape = { ...SOFTWARE_TILE, m: 32, n: 64, k: 1 };

/** Multiply-adds of a product that is. */
const LARGE_SOFTWARE_PRODUCT = 8 * 2 ** 20;

/** The same for kernels that do more with each row: 4 rows a thread compile in half the time of 8. */
const SOFTWARE_CUT_TILE: TileShape = { ...SOFTWARE_TILE, m: 8 };

/** Tiles for cut cross-entropy, by falling need of workgroup memory: 48, 31, 21 and 9 KiB at most. */
const CUT_TILES: readonly TileShape[] = [
  DEEP_TILE,
  LARGE_TILE,
  { m: 128, n: 64, k: 16, threadsX: 8, threadsY: 16, lanesX: 8 },
  { m: 64, n: 64, k: 8, threadsX: 8, threadsY: 8, lanesX: 8 },
];

/** What the tile of cut cross-entropy is chosen for: see lib/losses/tune.ts. */
export const CUT_FORWARD = "cut_forward";

/**
 * The tile of cut cross-entropy that is used untuned, for embeddings of width `d`; its columns, the
 * same for every `d`, are the keep-map's granularity.
 */
export function cutTile(gpu: GpuDevice, d: number): TileShape {
  if (gpu.adapter.software) return SOFTWARE_CUT_TILE;
  return CUT_TILES.find((tile) => fitsCut(gpu, tile) && isWhole(tile, d)) ?? CUT_TILES.at(-1)!;
}

/** Whether K has whole steps, where those are long: otherwise every load needs a guard. */
function isWhole(tile: TileShape, k: number): boolean {
  return tile.k <= LARGE_TILE.k || k % tile.k === 0;
}

/** The tile of cut cross-entropy for a number of tokens, of vocabulary entries, and width. */
export function tunedCutTile(gpu: GpuDevice, n: number, v: number, d: number): TileShape {
  return gpu.tuning.get<TileShape>(CUT_FORWARD, shapeClass(n, v, d)) ?? cutTile(gpu, d);
}

/**
 * Tiles worth measuring, the standard one first. All have the same columns and the same threads along
 * them, so that a row's exponentials are added in the same order: same bits whatever is chosen.
 */
export function cutTileCandidates(gpu: GpuDevice, d: number): TileShape[] {
  const standard = cutTile(gpu, d);
  if (gpu.adapter.software) return [standard];
  const { m, k, threadsY } = standard, shallow = { ...standard, k: k > 16 ? 16 : 8 };
  return [
    standard,
    shallow,
    { ...shallow, m: m / 2 },
    { ...shallow, m: m / 2, threadsY: threadsY / 2 },
    { ...shallow, m: 2 * m },
  ].filter((tile) => fitsCut(gpu, tile));
}

/** Whether a workgroup may have so many bytes of its own. */
function fits(gpu: GpuDevice, bytes: number): boolean {
  return bytes <= gpu.limits.maxComputeWorkgroupStorageSize;
}

function fitsCut(gpu: GpuDevice, tile: TileShape): boolean {
  return fits(gpu, cutForwardBytes(tile)) &&
    tile.threadsX * tile.threadsY <= gpu.limits.maxComputeInvocationsPerWorkgroup;
}

/** Shapes that share a choice: sizes up to the same power of two, or enough to fill any GPU. */
export function shapeClass(n: number, v: number, d: number): string {
  return `N ${upToPower(n, 4096)} V ${upToPower(v, 16384)} D ${upToPower(d, 4096)}${
    d % LONGEST_STEP ? ` (no multiple of ${LONGEST_STEP})` : ""
  }`;
}

/** The tile of the filtered backward pass, for vocabulary tiles of `forward.n` columns. */
export function gradientTile(gpu: GpuDevice, forward: TileShape): TileShape {
  if (gpu.adapter.software) {
    return { m: 16, n: 32, k: 4, threadsX: 8, threadsY: 4, lanesX: 8 };
  }
  const { n } = forward;
  const candidates: TileShape[] = n === LARGE_TILE.n
    ? [
      { m: 64, n, k: 16, threadsX: 16, threadsY: 16, lanesX: 16 },
      { m: 32, n, k: 16, threadsX: 16, threadsY: 8, lanesX: 16 },
    ]
    : [
      { m: 32, n, k: 16, threadsX: 8, threadsY: 8, lanesX: 8 },
      { m: 16, n, k: 16, threadsX: 8, threadsY: 4, lanesX: 8 },
    ];
  return candidates.find((tile) => fits(gpu, cutGradientBytes(tile))) ?? candidates.at(-1)!;
}

/**
 * Tiles of logits in half mode. Measured on an NVIDIA H200: 53.8 TFLOP/s, the second 49 and half the
 * error; it is for devices whose workgroup memory is too small for the gradients of the first. 64 × 128
 * has 53.2, but its G takes so much of it that a job of the gradients has 32 rows for 64: three times
 * slower where all rows survive.
 *
 * There is not more to win: f16 in registers makes 65.8 TFLOP/s there, as f32 does (no packed
 * arithmetic through Vulkan), so that only workgroup memory is spared.
 */
const HALF_TILES: readonly TileShape[] = [
  { m: 128, n: 64, k: 32, threadsX: 8, threadsY: 16, lanesX: 8 },
  { m: 64, n: 64, k: 16, threadsX: 8, threadsY: 8, lanesX: 8 },
];

/**
 * The tile of logits in half mode. Its `k` is how many products are summed in f16, which every kernel
 * that makes the same logits must agree on.
 */
export function halfTile(gpu: GpuDevice): TileShape {
  // Steps as deep as on some GPUs, so that tests see the same arithmetic; small, or it compiles for long.
  if (gpu.adapter.software) return { m: 16, n: 16, k: 16, threadsX: 4, threadsY: 4, lanesX: 4 };
  return HALF_TILES.find((tile) =>
    fits(gpu, cutForwardBytes(tile, true)) && fittingHalfGradientTile(gpu, tile)
  ) ?? HALF_TILES.at(-1)!;
}

/** The tile of the filtered backward pass in half mode. */
export function halfGradientTile(gpu: GpuDevice, forward: TileShape): TileShape {
  if (gpu.adapter.software) return forward;
  return fittingHalfGradientTile(gpu, forward) ?? halfGradientTiles(forward).at(-1)!;
}

function fittingHalfGradientTile(gpu: GpuDevice, forward: TileShape): TileShape | undefined {
  return halfGradientTiles(forward).find((tile) => fits(gpu, cutGradientBytes(tile, true)));
}

function halfGradientTiles({ n, k }: TileShape): TileShape[] {
  return [64, 32, 16].map((m) => ({ m, n, k, threadsX: n / 8, threadsY: m / 4, lanesX: 8 }));
}

/**
 * Steps of loops that a software adapter runs in an invocation: Mesa's leaves them after 65,535 in all,
 * without a word, and what they compute is wrong.
 */
export const MOST_STEPS = 65_000;

/** Processors of a large GPU, such as an NVIDIA H200. */
const PROCESSORS = 132;

/** How the operands of a product lie in memory: T is the other way round. */
export type Orientation = "A·B" | "A·Bᵀ" | "Aᵀ·B" | "Aᵀ·Bᵀ";

/** The large tiles for an orientation and k, the fastest first, as far as they fit; `half`: B is f16. */
function largeTiles(
  gpu: GpuDevice,
  k: number,
  orientation: Orientation,
  half = false,
): TileShape[] {
  const tiles = {
    "A·B": half ? [LARGE_TILE] : [TALL_TILE, LARGE_TILE],
    "Aᵀ·B": half ? [DEEP_TILE, LARGE_TILE] : [TALL_TILE, LARGE_TILE],
    "A·Bᵀ": half ? [DEEP_TILE, LARGE_TILE] : [WIDE_TILE, BROAD_TILE, LARGE_TILE],
    "Aᵀ·Bᵀ": half ? [DEEP_TILE, LARGE_TILE] : [BROAD_TILE, LARGE_TILE],
  }[orientation];
  return tiles.filter((tile) => isWhole(tile, k) && fits(gpu, tileStagingBytes(tile)));
}

/** Tiles worth measuring for a product over `k`, those used untuned first. */
export function productTileCandidates(
  gpu: GpuDevice,
  k: number,
  orientation: Orientation,
): TileShape[] {
  if (gpu.adapter.software) return [SOFTWARE_TILE];
  const small = { ...LARGE_TILE, m: 64, n: 64, threadsX: 8, threadsY: 8, lanesX: 8 };
  return [
    ...largeTiles(gpu, k, orientation),
    ...[small].filter((tile) => fits(gpu, tileStagingBytes(tile))),
  ];
}

/**
 * The tile for a product of M × N, and into how many parts K is cut, if it may be (`divisible`). The parts
 * do not depend on what was tuned, so that results do not either. Products of the same `shapes` share a
 * choice; there is none for those too small for large tiles, or with f16 for B (`half`).
 */
export function chooseTile(
  gpu: GpuDevice,
  { m, n, k, batch = 1, divisible = true, half = false }: {
    m: number;
    n: number;
    k: number;
    batch?: number;
    divisible?: boolean;
    half?: boolean;
  },
  orientation: Orientation = "A·B",
): { tile: TileShape; splits: number; shapes?: string } {
  const count = (tile: TileShape) => Math.ceil(m / tile.m) * Math.ceil(n / tile.n) * batch;
  const { tile, splits } = gpu.adapter.software
    ? {
      tile: softwareTile(m, n, k),
      splits: Math.max(1, Math.ceil(k / SOFTWARE_TILE.k / MOST_STEPS)),
    }
    : standardProductTile(m, n, k, batch, divisible, largeTiles(gpu, k, orientation, half));
  if (tile === MEDIUM_TILE || half) return { tile, splits };
  const shapes = `${upToPower(count(tile) * splits, 512)} workgroups K ${upToPower(k, 1024)}${
    k % LONGEST_STEP ? ` (no multiple of ${LONGEST_STEP})` : ""
  }${splits > 1 ? ` in ${splits} parts` : ""}`;
  return { tile: gpu.tuning.get<TileShape>(orientation, shapes) ?? tile, splits, shapes };
}

/** The next power of two, but no more than `most`. */
function upToPower(x: number, most: number): number {
  return Math.min(2 ** Math.ceil(Math.log2(x)), most);
}

function softwareTile(m: number, n: number, k: number): TileShape {
  const computed = (tile: TileShape) =>
    Math.ceil(m / tile.m) * tile.m * Math.ceil(n / tile.n) * tile.n;
  const most = 1.3 * computed(SOFTWARE_TILE), isLarge = m * n * k >= LARGE_SOFTWARE_PRODUCT;
  if (isLarge && k <= MOST_STEPS && computed(LARGE_SOFTWARE_TILE) < most) {
    return LARGE_SOFTWARE_TILE;
  }
  return computed(WIDE_SOFTWARE_TILE) < most ? WIDE_SOFTWARE_TILE : SOFTWARE_TILE;
}

/** Parts of K at most: each costs M · N · 4 bytes. */
const MOST_PARTS = 14;

/** What adding up another part costs: as much as so many k. */
const PART_COST = 47;

/** By how much a tile or a number of parts must be better than one before it. */
const WORTHWHILE = 0.05;

/**
 * The first of `tiles` with which a GPU does much that counts, but for later ones with which it does much
 * more: its places are taken, also in the last wave of workgroups, for which K may be cut into parts, and
 * tiles do not reach far beyond the matrix.
 */
function standardProductTile(
  m: number,
  n: number,
  k: number,
  batch: number,
  divisible: boolean,
  tiles: readonly TileShape[],
): { tile: TileShape; splits: number } {
  // Parts of fewer than 256 k cost more in additions than they win in parallelism.
  const most = divisible ? Math.max(1, Math.min(Math.floor(k / 256), MOST_PARTS)) : 1;
  const count = (tile: TileShape) => Math.ceil(m / tile.m) * Math.ceil(n / tile.n) * batch;
  let best = { tile: MEDIUM_TILE, splits: 1 }, greatest = 0;
  for (const tile of tiles) {
    const places = PROCESSORS * (tileThreads(tile) > 128 ? 1 : 2), tilesOf = count(tile);
    if (tilesOf * most < places / 2) continue;
    const counting = m * n * batch / (tilesOf * tile.m * tile.n);
    for (let splits = 1; splits <= most; splits++) {
      const waves = tilesOf * splits / places;
      const share = counting * waves / Math.ceil(waves) / (1 + PART_COST * (splits - 1) / k);
      if (share > greatest + WORTHWHILE) {
        best = { tile, splits };
        greatest = share;
      }
    }
  }
  if (greatest > 0) return best;
  const places = 2 * PROCESSORS;
  return {
    tile: MEDIUM_TILE,
    splits: Math.max(1, Math.min(Math.floor(places / count(MEDIUM_TILE)), most)),
  };
}
