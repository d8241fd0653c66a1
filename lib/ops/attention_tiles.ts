/** Which tile the attention kernels use on which adapter. */
import type { AttentionGradientConstants } from "../../kernels/attention_gradient.ts";
import type { AttentionTile } from "../../kernels/attention_tile.ts";
import { MOST_STEPS } from "../gpu/tiles.ts";
import type { Gpu } from "../tensor/gpu.ts";
import type { AttentionSizes } from "./attention_problem.ts";

/** Which kernel a tile is for: the forward one, or that of these gradients. */
export type AttentionPass = "forward" | AttentionGradientConstants["of"];

/** For the software adapter, where large tiles take long to compile. */
const SOFTWARE_TILE: AttentionTile = { rows: 16, columns: 16, threadsX: 4, threadsY: 4, step: 4 };

/** For heads that are wider than those. */
const WIDE_TILE: AttentionTile = { rows: 64, columns: 64, threadsX: 16, threadsY: 16, step: 16 };

/** Where workgroup memory is scarce. */
const SMALL_TILE: AttentionTile = { rows: 32, columns: 32, threadsX: 8, threadsY: 8, step: 8 };

/** Kinds of kernels that tiles were measured for: ordinary ones, and those for wider values. */
type Kind = Exclude<AttentionPass, "keys" | "values"> | `${AttentionPass}, wide`;

/**
 * The fastest tiles on an NVIDIA H200 (tests/bench/attention_tiles_bench.ts): where there are enough
 * rows to keep it busy, and where there are few. Measured with d = 64, the wide ones in differential
 * attention with values of 128.
 */
const TILES: Record<"many" | "few", Record<Kind, AttentionTile>> = {
  many: {
    "forward": { rows: 64, columns: 64, threadsX: 16, threadsY: 8, step: 32 },
    "queries": { rows: 64, columns: 64, threadsX: 16, threadsY: 8, step: 32 },
    "keys and values": { rows: 64, columns: 64, threadsX: 16, threadsY: 8, step: 32 },
    "forward, wide": { rows: 64, columns: 128, threadsX: 16, threadsY: 8, step: 16 },
    "queries, wide": { rows: 64, columns: 64, threadsX: 16, threadsY: 8, step: 32 },
    "keys, wide": { rows: 64, columns: 64, threadsX: 16, threadsY: 8, step: 32 },
    "values, wide": { rows: 128, columns: 64, threadsX: 16, threadsY: 16, step: 32 },
    "keys and values, wide": { rows: 64, columns: 128, threadsX: 16, threadsY: 16, step: 16 },
  },
  few: {
    "forward": { rows: 64, columns: 128, threadsX: 16, threadsY: 16, step: 32 },
    "queries": { rows: 64, columns: 128, threadsX: 16, threadsY: 16, step: 32 },
    "keys and values": { rows: 64, columns: 128, threadsX: 16, threadsY: 16, step: 32 },
    "forward, wide": { rows: 64, columns: 128, threadsX: 16, threadsY: 16, step: 32 },
    "queries, wide": { rows: 64, columns: 128, threadsX: 16, threadsY: 16, step: 32 },
    "keys, wide": { rows: 64, columns: 128, threadsX: 16, threadsY: 16, step: 32 },
    "values, wide": { rows: 64, columns: 128, threadsX: 16, threadsY: 16, step: 32 },
    "keys and values, wide": { rows: 64, columns: 128, threadsX: 16, threadsY: 16, step: 16 },
  },
};

/** Rows of all heads and sequences up to which a problem has few. */
const FEW = 16384;

/** Numbers that a thread holds from step to step; more would not leave enough of 255 registers. */
const MOST_HELD = 200;

/** Columns of the widest result of a kernel. */
export function widestResult(
  pass: AttentionPass,
  { widthQk, widthV }: { widthQk: number; widthV: number },
): number {
  return pass === "queries" || pass === "keys" ? widthQk : Math.max(widthQk, widthV);
}

/** Bytes of workgroup memory that a kernel takes whose widest result has `widest` columns. */
export function attentionTileBytes(tile: AttentionTile, widest: number): number {
  const { rows, columns, step, threadsX } = tile;
  const wide = Math.max(columns, Math.ceil(widest / (4 * threadsX)) * 4 * threadsX);
  return step * ((rows / 4 + 1) + (wide / 4 + 1)) * 16;
}

/** Numbers of the score tiles and of the results that each thread of a kernel holds. */
export function attentionTileHeld(
  { rows, columns, threadsX, threadsY }: AttentionTile,
  pass: AttentionPass,
  { widthQk, widthV }: { widthQk: number; widthV: number },
  maps: number,
): number {
  const scores = pass === "forward" ? 1 : pass === "values" ? maps : maps + 1;
  const results = {
    "forward": widthV,
    "queries": maps * widthQk,
    "keys": maps * widthQk,
    "values": widthV,
    "keys and values": maps * widthQk + widthV,
  }[pass];
  return rows * (scores * columns + results) / (threadsX * threadsY);
}

/** Whether workgroups own keys and walk over the queries. */
function ownsKeys(pass: AttentionPass): boolean {
  return pass !== "forward" && pass !== "queries";
}

/** Steps that loops take in an invocation of a kernel, those of the products in a block included. */
function stepsOf(
  { columns, step }: AttentionTile,
  pass: AttentionPass,
  { timeQ, timeK, widthQk, widthV }: AttentionSizes,
  maps: number,
): number {
  const ofScores = maps * Math.ceil(widthQk / step), ofDY = Math.ceil(widthV / step);
  const weighted = columns / step;
  const ofBlock = {
    forward: ofScores + weighted,
    queries: ofScores + ofDY + maps * weighted,
    keys: ofScores + ofDY + maps * weighted,
    values: ofScores + weighted,
    "keys and values": ofScores + ofDY + (maps + 1) * weighted,
  }[pass];
  return Math.ceil((ownsKeys(pass) ? timeQ : timeK) / columns) * (1 + ofBlock);
}

/**
 * Refuses what a software adapter would leave unfinished without a word, see {@linkcode MOST_STEPS}.
 *
 * @throws {RangeError} naming the length of the sequences.
 */
export function checkAttentionLength(
  operation: string,
  gpu: Gpu,
  sizes: AttentionSizes,
  maps: number,
  gradients: boolean,
): void {
  if (!gpu.adapter.software) return;
  const { timeQ, timeK } = sizes;
  const ofKeys: AttentionPass[] = maps === 1 ? ["keys and values"] : ["keys", "values"];
  const passes: AttentionPass[] = gradients ? ["queries", ...ofKeys] : [];
  const most = Math.max(
    stepsOf(SOFTWARE_TILE, "forward", sizes, 1),
    ...passes.map((pass) => stepsOf(SOFTWARE_TILE, pass, sizes, maps)),
  );
  if (most <= MOST_STEPS) return;
  throw new RangeError(
    `${operation}(): ${timeQ} queries and ${timeK} keys take ${most} steps of a loop` +
      `${gradients ? " in the backward pass" : ""}; expected at most ${MOST_STEPS} on a software ` +
      `adapter, whose loops end there.`,
  );
}

/** The tile for an adapter and a problem of one map, or of two (differential attention). */
export function attentionTile(
  gpu: Gpu,
  pass: AttentionPass,
  sizes: AttentionSizes,
  maps = 1,
): AttentionTile {
  if (gpu.adapter.software) return SOFTWARE_TILE;
  const { batch, heads, timeQ, timeK, widthV } = sizes;
  const rows = batch * heads * (ownsKeys(pass) ? timeK : timeQ);
  const widest = widestResult(pass, sizes);
  const memory = gpu.limits.maxComputeWorkgroupStorageSize;
  const kind: Kind = maps === 2 || widthV > 64 || pass === "keys" || pass === "values"
    ? `${pass}, wide`
    : pass;
  const measured = TILES[rows <= FEW ? "few" : "many"][kind];
  return [measured, WIDE_TILE].find((tile) =>
    attentionTileBytes(tile, widest) <= memory &&
    attentionTileHeld(tile, pass, sizes, maps) <= MOST_HELD
  ) ?? SMALL_TILE;
}
