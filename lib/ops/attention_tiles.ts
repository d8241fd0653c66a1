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
type Kind = "forward" | "queries" | "keys and values" | `${AttentionPass}, wide`;

const tile = (
  rows: number,
  columns: number,
  threadsX: number,
  threadsY: number,
  step = 32,
): AttentionTile => ({ rows, columns, threadsX, threadsY, step });

/** Blocks of 128 and 64 rows; the broad one has twice the threads of the one before it. */
const LONG = tile(128, 128, 16, 16), TALL = tile(64, 64, 16, 8), BROAD = tile(64, 128, 16, 16);
const VALUES = tile(128, 64, 16, 16), BOTH = tile(64, 128, 16, 16, 16);

/**
 * The fastest tiles on an NVIDIA H200 (tests/bench/attention_tiles_bench.ts): for long sequences, where
 * there are many rows (or several workgroups share a few, see `attentionParts`), and where few hardly
 * keep it busy. Measured with d = 64, the wide ones in differential attention with values of 128.
 */
const TILES: Record<Kind, Record<"long" | "many" | "few", AttentionTile>> = {
  "forward": { long: LONG, many: TALL, few: BROAD },
  "queries": { long: TALL, many: TALL, few: BROAD },
  "keys and values": { long: TALL, many: TALL, few: BROAD },
  "forward, wide": { long: LONG, many: tile(64, 128, 16, 8, 16), few: BROAD },
  "queries, wide": { long: TALL, many: TALL, few: BROAD },
  "keys, wide": { long: TALL, many: TALL, few: BROAD },
  "values, wide": { long: VALUES, many: VALUES, few: BROAD },
  "keys and values, wide": { long: BOTH, many: BOTH, few: BOTH },
};

/** Keys from which a sequence is long: half of what a block of 128 rows sees at its diagonal is hidden. */
const LONG_KEYS = 2048;

/** Rows of all heads, sequences and maps up to which a problem has few. */
const FEW = 16384;

/** Numbers that a thread holds from step to step; more would not leave enough of 255 registers. */
const MOST_HELD = 200;

/** Columns of the widest result of a kernel. */
export function widestResult(
  pass: AttentionPass,
  { widthQk, widthV }: { widthQk: number; widthV: number },
): number {
  return pass === "forward" || pass.endsWith("values") ? Math.max(widthQk, widthV) : widthQk;
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
  const scores = {
    "forward": 1,
    "queries": 2,
    "keys": 2,
    "values": maps,
    "keys and values": maps + 1,
  }[pass];
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
  const weighted = columns / step, turns = maps === 2 ? maps : 0;
  const ofBlock = {
    forward: ofScores + weighted,
    queries: turns + ofScores + ofDY + maps * weighted,
    keys: turns + ofScores + ofDY + maps * weighted,
    values: turns + ofScores + weighted,
    "keys and values": 2 * turns + ofScores + ofDY + (maps + 1) * weighted,
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
  const ofKeys = maps === 1 ? ["keys and values"] as const : ["keys", "values"] as const;
  const passes = gradients ? ["queries", ...ofKeys] as const : [];
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

/** What {@linkcode attentionParts} can be tuned by, which tests do. */
export const ATTENTION_PARTS = "attention_parts";

/** Storage buffers of the largest kernel that shares. */
const SHARED_BUFFERS = 13;

/** Columns of a share at least. */
const SHARED_COLUMNS = 256;

/**
 * Workgroups that share a block of rows of a gradient of differential attention: several where blocks
 * are too few, or too unequal (with a causal mask the longest one alone takes twice the average).
 */
export function attentionParts(gpu: Gpu, pass: AttentionPass, sizes: AttentionSizes): number {
  const { batch, heads, timeQ, timeK } = sizes;
  const tuned = gpu.tuning.get<number>(ATTENTION_PARTS, pass);
  if (tuned !== undefined) return tuned;
  if (gpu.adapter.software || gpu.limits.maxStorageBuffersPerShaderStage < SHARED_BUFFERS) return 1;
  const [time, walked] = ownsKeys(pass) ? [timeK, timeQ] : [timeQ, timeK];
  const rows = batch * heads * time, parts = rows <= FEW / 2 ? 4 : rows <= FEW ? 2 : 1;
  return Math.max(1, Math.min(parts, Math.floor(walked / SHARED_COLUMNS)));
}

/** What {@linkcode attentionLooped} can be tuned by, which tests do. */
export const ATTENTION_LOOPED = "attention_looped";

/** Entries of all score matrices below which gradients are done soon. */
const SOON = 2 ** 24;

/** Whether the code for the two maps of differential attention should be short rather than fast. */
export function attentionLooped(gpu: Gpu, sizes: AttentionSizes): boolean {
  const { batch, heads, timeQ, timeK } = sizes;
  return gpu.tuning.get<boolean>(ATTENTION_LOOPED, "maps") ?? batch * heads * timeQ * timeK < SOON;
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
  const time = ownsKeys(pass) ? timeK : pass === "forward" ? maps * timeQ : timeQ;
  const rows = batch * heads * time;
  const widest = widestResult(pass, sizes);
  const memory = gpu.limits.maxComputeWorkgroupStorageSize;
  const isWide = maps === 2 || widthV > 64;
  const kind = isWide || !(pass in TILES) ? `${pass}, wide` as const : pass as Kind;
  const isLong = sizes.timeK >= LONG_KEYS;
  const shares = maps === 2 && pass !== "forward" && attentionParts(gpu, pass, sizes) > 1;
  const measured = TILES[kind][rows <= FEW && !shares ? "few" : isLong ? "long" : "many"];
  return [measured, WIDE_TILE].find((tile) =>
    attentionTileBytes(tile, widest) <= memory &&
    attentionTileHeld(tile, pass, sizes, maps) <= MOST_HELD
  ) ?? SMALL_TILE;
}
