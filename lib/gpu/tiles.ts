/** Which tile a matrix product uses on which adapter. */
import { cutGradientBytes } from "../../kernels/cut_gradient.ts";
import { cutForwardBytes } from "../../kernels/cut_forward.ts";
import type { TileShape } from "../../kernels/tile.ts";
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

/** For products too small to fill a GPU with large tiles. */
export const MEDIUM_TILE: TileShape = {
  m: 64,
  n: 64,
  k: 16,
  threadsX: 16,
  threadsY: 16,
  lanesX: 16,
};

/** For the software adapter, where a workgroup is a loop and workgroup memory is just memory. */
export const SOFTWARE_TILE: TileShape = {
  m: 32,
  n: 32,
  k: 8,
  threadsX: 4,
  threadsY: 4,
  lanesX: 4,
};

/** Tiles for cut cross-entropy, by falling need of workgroup memory: 44, 28 and 13 KiB at most. */
const CUT_TILES: readonly TileShape[] = [
  LARGE_TILE,
  { m: 128, n: 64, k: 16, threadsX: 8, threadsY: 16, lanesX: 8 },
  { m: 64, n: 64, k: 8, threadsX: 8, threadsY: 8, lanesX: 8 },
];

/** The tile of cut cross-entropy; its columns are the granularity of the keep-map. */
export function cutTile(gpu: GpuDevice): TileShape {
  if (gpu.adapter.software) return SOFTWARE_TILE;
  const most = gpu.limits.maxComputeWorkgroupStorageSize;
  return CUT_TILES.find((tile) => cutForwardBytes(tile) <= most) ?? CUT_TILES.at(-1)!;
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
    : [{ m: 32, n, k: 16, threadsX: 8, threadsY: 8, lanesX: 8 }];
  const most = gpu.limits.maxComputeWorkgroupStorageSize;
  return candidates.find((tile) => cutGradientBytes(tile) <= most) ?? candidates.at(-1)!;
}

/**
 * The tile of logits in half mode. Its `k` is how many products are summed in f16, which every kernel
 * that makes the same logits must agree on. 15 KiB of workgroup memory at most.
 */
export function halfTile(gpu: GpuDevice): TileShape {
  // Steps as deep as on GPUs, so that tests see the same arithmetic; small, or it compiles for long.
  if (gpu.adapter.software) return { m: 16, n: 16, k: 16, threadsX: 4, threadsY: 4, lanesX: 4 };
  return { m: 64, n: 64, k: 16, threadsX: 8, threadsY: 8, lanesX: 8 };
}

/** The tile of the filtered backward pass in half mode. */
export function halfGradientTile(gpu: GpuDevice, forward: TileShape): TileShape {
  const { n, k } = forward;
  if (gpu.adapter.software) return forward;
  const candidates: TileShape[] = [
    { m: 64, n, k, threadsX: n / 8, threadsY: 16, lanesX: 8 },
    { m: 32, n, k, threadsX: n / 8, threadsY: 8, lanesX: 8 },
    { m: 16, n, k, threadsX: n / 8, threadsY: 4, lanesX: 8 },
  ];
  const most = gpu.limits.maxComputeWorkgroupStorageSize;
  return candidates.find((tile) => cutGradientBytes(tile, true) <= most) ?? candidates.at(-1)!;
}

/** Workgroups that keep a large GPU busy: two on each of its 132 processors. */
export const BUSY_WORKGROUPS = 264;

/** The tile for a product of M × N, and into how many parts K is cut. */
export function chooseTile(
  gpu: GpuDevice,
  m: number,
  n: number,
  k: number,
  batch = 1,
): { tile: TileShape; splits: number } {
  if (gpu.adapter.software) return { tile: SOFTWARE_TILE, splits: 1 };
  const count = (tile: TileShape) => Math.ceil(m / tile.m) * Math.ceil(n / tile.n) * batch;
  // Parts of fewer than 256 k cost more in additions than they win in parallelism, and every part
  // costs M · N · 4 bytes.
  const parts = Math.max(1, Math.min(Math.floor(k / 256), 13));
  const tile = count(LARGE_TILE) * parts >= BUSY_WORKGROUPS / 2 ? LARGE_TILE : MEDIUM_TILE;
  const tiles = count(tile);
  if (tiles < BUSY_WORKGROUPS) {
    return { tile, splits: Math.max(1, Math.min(Math.floor(BUSY_WORKGROUPS / tiles), parts)) };
  }
  // A few waves of workgroups: the last one should not be nearly empty.
  const evenness = (splits: number) => {
    const waves = tiles * splits / BUSY_WORKGROUPS;
    return waves / Math.ceil(waves);
  };
  let splits = 1;
  if (k >= 4096 && tiles <= 4 * BUSY_WORKGROUPS) {
    for (const s of [2, 3]) if (evenness(s) > evenness(splits) + 0.1) splits = s;
  }
  return { tile, splits };
}
