/** The cut way: logits in registers only, forward; by blocks or by surviving rows, backward. */
import { cutCombine } from "../../kernels/cut_combine.ts";
import { cutForward as forwardKernel } from "../../kernels/cut_forward.ts";
import { elementGrid } from "../../kernels/grid.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import type { TileShape } from "../../kernels/tile.ts";
import type { DeviceBuffer } from "../gpu/pool.ts";
import { cutTile, halfTile, MOST_STEPS, tunedCutTile } from "../gpu/tiles.ts";
import { targetLogitEstimates } from "./blocks.ts";
import { gradientsByBlocks } from "./gradient_products.ts";
import { filteredGradients, type KeepMap } from "./cut_filtered.ts";
import { type Problem, SHARD_ROWS } from "./problem.ts";
import type { ForwardResult } from "./stored.ts";

/** A block of the exact backward pass takes about this much. */
const SCRATCH_BYTES = 32 * 2 ** 20;

/** Workgroups of a grid that keep any GPU busy, with some to spare for an even end. */
const ENOUGH_WORKGROUPS = 2048;

/**
 * Tiles of a span that is long enough. Workgroups of longer ones, which read the same entries, drift
 * apart, and fewer reads come from the cache (Gemma 2 2B on an NVIDIA H200, spans of 12 tiles: 218 ms,
 * of 62: 232).
 */
const SHORT_SPAN = 12;

/**
 * Storage buffers of the largest kernel of a filtered backward pass with a bias. WebGPU promises 8, enough
 * without one; where there are no more, gradients with a bias are exact.
 */
const BIASED_FILTER_BUFFERS = 10;

/** Spans that a row's partial sums may come from, where that asks for longer ones: a KiB a row. */
const MOST_SPANS = 128;

/** How the vocabulary is dealt out. */
interface Spans {
  tilesPerSpan: number;
  /** Tiles and spans of all shards. */
  tiles: number;
  spans: number;
  shards: { firstTile: number; tiles: number; firstSpan: number; spans: number }[];
}

/** Spans do not depend on what was tuned, so that sums are made in the same order. */
function dealOut(p: Problem, tile: TileShape): Spans {
  const standard = p.half ? tile : cutTile(p.gpu, p.d);
  const rowBlocks = Math.ceil(p.rowCount / standard.m);
  const all = Math.ceil(p.v / tile.n);
  const most = p.gpu.adapter.software
    ? Math.floor(MOST_STEPS / (Math.ceil(p.d / tile.k) + 1))
    : Infinity;
  const tilesPerSpan = Math.max(
    1,
    Math.min(
      most,
      Math.floor(rowBlocks * all / ENOUGH_WORKGROUPS),
      Math.max(SHORT_SPAN, Math.ceil(all / MOST_SPANS)),
    ),
  );
  let firstTile = 0, firstSpan = 0;
  const shards = p.shards.map(({ columns }) => {
    const tiles = Math.ceil(columns / tile.n), spans = Math.ceil(tiles / tilesPerSpan);
    const shard = { firstTile, tiles, firstSpan, spans };
    firstTile += tiles;
    firstSpan += spans;
    return shard;
  });
  return { tilesPerSpan, tiles: firstTile, spans: firstSpan, shards };
}

/** The forward pass's kernel; `keep`: with bounds for the filter. */
export function forwardKernelFor(p: Problem, tile: TileShape, keep: boolean): Kernel {
  return forwardKernel({
    tile,
    vector: p.d % 4 === 0,
    wholeSteps: p.d % tile.k === 0 && !p.gpu.adapter.software,
    bias: p.bias !== undefined,
    softcap: p.options.softcap > 0,
    keep,
    sumLogits: p.options.labelSmoothing > 0,
    half: p.half,
  });
}

/** Losses and log-sum-exps without storing logits, and the gradients by recomputing them. */
export function cutForward(
  p: Problem,
  differentiate: boolean,
): ForwardResult & { keepMap?: KeepMap } {
  const { gpu, rowCount } = p, { softcap, filterEps, labelSmoothing } = p.options;
  const tile = p.half ? halfTile(gpu) : tunedCutTile(gpu, rowCount, p.v, p.d);
  if (SHARD_ROWS % tile.n !== 0) throw new Error(`Tiles of ${tile.n} columns do not fit shards.`);
  const spans = dealOut(p, tile);
  const keep = differentiate && filterEps > 0 &&
    (!p.bias || gpu.limits.maxStorageBuffersPerShaderStage >= BIASED_FILTER_BUFFERS);
  const sumLogits = labelSmoothing > 0;
  const rowWords = Math.ceil(rowCount / tile.m) * tile.m / 4;

  const losses = p.allocate(rowCount * 4, "loss of each token");
  const lse = p.allocate(rowCount * 4, "log-sum-exp");
  const targetLogits = p.allocate(rowCount * 4, "target logits");
  const partials = p.allocate(rowCount * spans.spans * (sumLogits ? 12 : 8), "partial sums");
  let map: KeepMap | undefined;
  if (keep) {
    map = {
      bounds: p.allocate((spans.tiles + 1) * rowWords * 4, "keep-map"),
      reference: targetLogitEstimates(p),
      rowWords,
      tiles: spans.tiles,
      tile,
    };
  }
  const kernel = forwardKernelFor(p, tile, keep);
  p.shards.forEach((shard, i) => {
    const part = spans.shards[i];
    gpu.run(kernel, {
      e: p.e,
      c: p.shardOf(p.c, shard),
      rows: p.rows,
      targets: p.targets,
      partials,
      targetLogits,
      ...(p.bias ? { bias: p.bias } : {}),
      ...(map ? { reference: map.reference, bounds: map.bounds } : {}),
    }, {
      rowCount,
      d: p.d,
      columns: shard.columns,
      first: shard.first,
      tiles: part.tiles,
      firstTile: part.firstTile,
      firstSpan: part.firstSpan,
      spans: spans.spans,
      tilesPerSpan: spans.tilesPerSpan,
      rowWords,
      softcap: softcap || 1,
    }, [Math.ceil(rowCount / tile.m), part.spans]);
  });
  const { constants, bindings, params } = p.tokenLoss;
  gpu.run(
    cutCombine(constants),
    { partials, targetLogits, lse, losses, ...bindings },
    { rowCount, spans: spans.spans, ...params },
    elementGrid(rowCount, 64),
  );
  partials.release();

  return {
    losses,
    lse,
    keepMap: map,
    gradients: (coefficients: DeviceBuffer, wanted) => {
      if (map) return filteredGradients(p, map, targetLogits, coefficients, wanted);
      return gradientsByBlocks(p, coefficients, wanted, exactBlock(p));
    },
  };
}

/** Rows and columns of a block of logits of about the scratch size, rather square. */
function exactBlock(p: Problem): { rows: number; columns: number } {
  const elements = Math.min(p.options.scratchBytes ?? SCRATCH_BYTES, p.gpu.maxBinding) / 4;
  const rows = Math.min(p.rowCount, 1024);
  const columns = Math.max(SHARD_ROWS, Math.floor(elements / rows / SHARD_ROWS) * SHARD_ROWS);
  return { rows, columns: Math.min(p.v, columns) };
}
