/** Which tile the attention kernels use on which adapter. */
import type { AttentionGradientConstants } from "../../kernels/attention_gradient.ts";
import { valuesOfSide } from "../../kernels/attention_gradient_work.ts";
import type { AttentionTile } from "../../kernels/attention_tile.ts";
import { MOST_STEPS } from "../gpu/tiles.ts";
import type { Gpu } from "../tensor/gpu.ts";
import type { AttentionSizes } from "./attention_problem.ts";

/** Which kernel a tile is for: the forward one, or that of these gradients. */
export type AttentionPass = "forward" | AttentionGradientConstants["of"];

/** For the software adapter, where large tiles take long to compile, and where nothing else fits. */
const SOFTWARE_TILE: AttentionTile = { rows: 16, columns: 16, threadsX: 4, threadsY: 4, step: 4 };

/** For heads that are wider than those. */
const WIDE_TILE: AttentionTile = { rows: 64, columns: 64, threadsX: 16, threadsY: 16, step: 16 };

/**
 * For sides of two maps whose tiles would together take more than the 32 KiB of many devices. On an NVIDIA
 * H200 keys and values (T = 2048) 0.71 ms for 0.61; with blocks of 64 rows and steps of 16: 0.85.
 */
const NARROW_TILE: AttentionTile = { rows: 32, columns: 64, threadsX: 16, threadsY: 4, step: 16 };

/** Where workgroup memory is scarcer still. */
const SMALL_TILE: AttentionTile = { rows: 32, columns: 32, threadsX: 8, threadsY: 8, step: 8 };

/** Kinds of kernels that tiles were measured for: ordinary ones, wide values, sides of two maps. */
type Kind = AttentionPass | "forward, wide" | `${AttentionGradientConstants["of"]}, two maps`;

const tile = (
  rows: number,
  columns: number,
  threadsX: number,
  threadsY: number,
  step = 32,
): AttentionTile => ({ rows, columns, threadsX, threadsY, step });

/** Blocks of 128, 64 and 32 rows. */
const LONG = tile(128, 128, 16, 16), TALL = tile(64, 64, 16, 8), BROAD = tile(64, 128, 16, 16);
const SQUARE = tile(64, 64, 8, 8, 16), LOW = tile(32, 64, 16, 8);

/**
 * The fastest tiles on an NVIDIA H200 (tests/bench/attention_tiles_bench.ts): for long sequences, where
 * there are many rows (or several workgroups share a few, see `attentionParts`), and where few hardly
 * keep it busy. Measured with d = 64, the wide one and those of two maps in differential attention with
 * values of 128; the latter are what each of two sides has.
 */
const TILES: Record<Kind, Record<"long" | "many" | "few", AttentionTile>> = {
  "forward": { long: LONG, many: TALL, few: BROAD },
  "queries": { long: TALL, many: TALL, few: BROAD },
  "keys and values": { long: TALL, many: TALL, few: BROAD },
  "forward, wide": { long: LONG, many: tile(64, 128, 16, 8, 16), few: BROAD },
  "queries, two maps": { long: SQUARE, many: TALL, few: LOW },
  "keys and values, two maps": { long: TALL, many: TALL, few: LOW },
};

/**
 * Keys from which a sequence is long, twice as many for gradients of two maps: half of what a block of 128
 * rows sees at its diagonal is hidden, and small workgroups must be many.
 */
const LONG_KEYS = 2048;

/** Rows of all heads, sequences and maps up to which a problem has few. */
const FEW = 16384;

/** Numbers that a thread holds from step to step; more would not leave enough of 255 registers. */
const MOST_HELD = 200;

/** What a tile must have room for. */
export interface AttentionWidths {
  widthQk: number;
  widthV: number;
  maps: 1 | 2;
}

/** Columns of the values that a workgroup, or a side of one, has. */
function ownValues(pass: AttentionPass, { widthV, maps }: AttentionWidths): number {
  return pass === "forward" ? widthV : valuesOfSide({ widthV, maps, vector: true });
}

/** Bytes of workgroup memory that a kernel takes. */
export function attentionTileBytes(
  tile: AttentionTile,
  pass: AttentionPass,
  widths: AttentionWidths,
): number {
  const { rows, columns, step, threadsX } = tile, { widthQk, maps } = widths;
  const sides = pass === "forward" ? 1 : maps;
  const widest = pass === "queries" ? widthQk : Math.max(widthQk, ownValues(pass, widths));
  const wide = Math.max(columns, Math.ceil(widest / (4 * threadsX)) * 4 * threadsX);
  return step * ((sides * rows / 4 + 1) + (sides * wide / 4 + 1)) * 16;
}

/** Numbers of the score tiles and of the results that each thread of a kernel holds. */
export function attentionTileHeld(
  { rows, columns, threadsX, threadsY }: AttentionTile,
  pass: AttentionPass,
  widths: AttentionWidths,
): number {
  const { widthQk } = widths, values = ownValues(pass, widths);
  const scores = pass === "forward" ? 1 : 2;
  const results = { forward: values, queries: widthQk, "keys and values": widthQk + values }[pass];
  return rows * (scores * columns + results) / (threadsX * threadsY);
}

/** Steps that loops take in an invocation of a kernel, those of the products in a block included. */
function stepsOf(
  { columns, step }: AttentionTile,
  pass: AttentionPass,
  { timeQ, timeK, ...widths }: AttentionSizes & AttentionWidths,
): number {
  const ofScores = Math.ceil(widths.widthQk / step);
  const ofDY = Math.ceil(ownValues(pass, widths) / step), weighted = columns / step;
  const ofBlock = {
    forward: ofScores + weighted,
    queries: ofScores + ofDY + weighted,
    "keys and values": ofScores + ofDY + 2 * weighted,
  }[pass];
  return Math.ceil((pass === "keys and values" ? timeQ : timeK) / columns) * (1 + ofBlock);
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
  maps: 1 | 2,
  gradients: boolean,
): void {
  if (!gpu.adapter.software) return;
  const { timeQ, timeK } = sizes;
  const passes = [
    "forward",
    ...(gradients ? ["queries", "keys and values"] as const : []),
  ] as const;
  const most = Math.max(...passes.map((pass) => stepsOf(SOFTWARE_TILE, pass, { ...sizes, maps })));
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
const SHARED_BUFFERS = 15;

/** Columns of a share at least. */
const SHARED_COLUMNS = 256;

/**
 * Workgroups that share a block of rows of a gradient of differential attention: two where blocks are too
 * few, and with a causal mask too unequal (the longest one alone takes twice the average).
 */
export function attentionParts(gpu: Gpu, pass: AttentionPass, sizes: AttentionSizes): number {
  const { batch, heads, timeQ, timeK } = sizes;
  const tuned = gpu.tuning.get<number>(ATTENTION_PARTS, pass);
  if (tuned !== undefined) return tuned;
  if (gpu.adapter.software || gpu.limits.maxStorageBuffersPerShaderStage < SHARED_BUFFERS) return 1;
  const [time, walked] = pass === "keys and values" ? [timeK, timeQ] : [timeQ, timeK];
  if (batch * heads * time > FEW / 2) return 1;
  return walked >= 2 * SHARED_COLUMNS ? 2 : 1;
}

/** The tile for an adapter and a problem of one map, or of two (differential attention). */
export function attentionTile(
  gpu: Gpu,
  pass: AttentionPass,
  sizes: AttentionSizes,
  maps: 1 | 2 = 1,
): AttentionTile {
  if (gpu.adapter.software) return SOFTWARE_TILE;
  const { batch, heads, timeQ, timeK, widthV } = sizes;
  const rows = maps * batch * heads * (pass === "keys and values" ? timeK : timeQ);
  const memory = gpu.limits.maxComputeWorkgroupStorageSize;
  const kind: Kind = pass === "forward"
    ? maps === 2 || widthV > 64 ? "forward, wide" : pass
    : maps === 2
    ? `${pass}, two maps`
    : pass;
  const isLong = timeK >= LONG_KEYS * (pass === "forward" ? 1 : maps);
  const isShared = maps === 2 && pass !== "forward" && attentionParts(gpu, pass, sizes) > 1;
  const measured = TILES[kind][rows <= FEW && !isShared ? "few" : isLong ? "long" : "many"];
  const widths = { ...sizes, maps }, sides = pass === "forward" ? 1 : maps;
  const fits = (tile: AttentionTile) => attentionTileBytes(tile, pass, widths) <= memory;
  const fast = [measured, sides === 2 ? NARROW_TILE : WIDE_TILE].find((tile) =>
    fits(tile) && attentionTileHeld(tile, pass, widths) <= MOST_HELD
  );
  return fast ?? (fits(SMALL_TILE) ? SMALL_TILE : SOFTWARE_TILE);
}
