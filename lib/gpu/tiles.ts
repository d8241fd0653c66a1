/** Tiles of workgroups: those that kernels share, and those of cut cross-entropy, by adapter. */
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

/**
 * The same with steps of 32: half as many barriers, and loads along k of whole cache lines. On an
 * NVIDIA H200 45.4 TFLOP/s for 43.0 (A·Bᵀ).
 */
export const DEEP_TILE: TileShape = { ...LARGE_TILE, k: 32 };

/** The longest step of a tile: parts of K are multiples of it. */
export const LONGEST_STEP = 32;

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
export function isWhole(tile: TileShape, k: number): boolean {
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
export function fits(gpu: GpuDevice, bytes: number): boolean {
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
 * Tiles of logits in half mode. Measured on an NVIDIA H200: 61 TFLOP/s (f32: 45), the second 49 and half
 * the error; it is for devices whose workgroup memory is too small for the gradients of the first. 64 × 128
 * has 60, but its G takes so much of it that a job of the gradients has 32 rows for 64: three times
 * slower where all rows survive.
 */
const HALF_TILES: readonly TileShape[] = [
  { m: 128, n: 64, k: 32, threadsX: 8, threadsY: 16, lanesX: 8 },
  { m: 64, n: 64, k: 16, threadsX: 8, threadsY: 8, lanesX: 8 },
];

/**
 * The tile of logits in half mode. Its `k` is how many products a chain of f16 has, which every kernel
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

/** The next power of two, but no more than `most`. */
export function upToPower(x: number, most: number): number {
  return Math.min(2 ** Math.ceil(Math.log2(x)), most);
}
