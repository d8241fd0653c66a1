/** Which tile a matrix product uses on which adapter, and into how many parts its K is cut. */
import { type TileShape, tileStagingBytes, tileThreads } from "../../kernels/tile.ts";
import type { GpuDevice } from "./device.ts";
import {
  DEEP_TILE,
  fits,
  isWhole,
  LARGE_TILE,
  LONGEST_STEP,
  MOST_STEPS,
  SOFTWARE_TILE,
  upToPower,
} from "./tiles.ts";

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
 * `SOFTWARE_TILE` for wide products: 12 columns a thread, 20 to 40% faster (1408 × 192 × 48: 10 to 12 GFLOP/s
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

/** Processors of a large GPU, such as an NVIDIA H200. */
const PROCESSORS = 132;

/** How the operands of a product lie in memory: T is the other way round. */
export type Orientation = "A·B" | "A·Bᵀ" | "Aᵀ·B" | "Aᵀ·Bᵀ";

/**
 * The large tiles for an orientation and k, the fastest first, as far as they fit. `half`: B is f16, with
 * which tiles of 12 × 8 a thread take 9% longer than others.
 */
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
  return [...largeTiles(gpu, k, orientation), small];
}

/**
 * The tile for a product of M × N, and into how many parts K is cut, if it may be (`divisible`). The parts
 * do not depend on what was tuned, so that results do not either. Products of the same `shapes` share a
 * choice; there is none for those too small for large tiles, with f16 for B (`half`), or where another tile
 * would change the result (not `tuned`).
 */
export function chooseTile(
  gpu: GpuDevice,
  { m, n, k, batch = 1, divisible = true, half = false, tuned = true }: {
    m: number;
    n: number;
    k: number;
    batch?: number;
    divisible?: boolean;
    half?: boolean;
    tuned?: boolean;
  },
  orientation: Orientation = "A·B",
): { tile: TileShape; splits: number; shapes?: string } {
  const count = (tile: TileShape) => Math.ceil(m / tile.m) * Math.ceil(n / tile.n) * batch;
  const { tile, splits } = gpu.adapter.software
    ? {
      tile: softwareTile(m, n, k),
      splits: divisible ? Math.max(1, Math.ceil(k / SOFTWARE_TILE.k / MOST_STEPS)) : 1,
    }
    : standardProductTile(m, n, k, batch, divisible, largeTiles(gpu, k, orientation, half));
  if (tile === MEDIUM_TILE || half || !tuned) return { tile, splits };
  const shapes = `${upToPower(count(tile) * splits, 512)} workgroups K ${upToPower(k, 1024)}${
    k % LONGEST_STEP ? ` (no multiple of ${LONGEST_STEP})` : ""
  }${splits > 1 ? ` in ${splits} parts` : ""}`;
  return { tile: gpu.tuning.get<TileShape>(orientation, shapes) ?? tile, splits, shapes };
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

/** Parts of K at most, and bytes that they may take beside the result: M · N · 4 each. */
const MOST_PARTS = 24, MOST_PARTS_BYTES = 32 * 2 ** 20;

/** What adding up another part costs, in k: 8 bytes an element at 4 TB/s, 2 operations at 47 TFLOP/s. */
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
  const inMemory = 1 + Math.floor(MOST_PARTS_BYTES / (4 * m * n));
  const most = divisible ? Math.max(1, Math.min(Math.floor(k / 256), MOST_PARTS, inMemory)) : 1;
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
