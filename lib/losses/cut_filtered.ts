/** The filtered backward pass of cut cross-entropy: only rows of a tile that matter. */
import { COLUMN_MAXIMA, columnMaxima } from "../../kernels/column_maxima.ts";
import { cutCount } from "../../kernels/cut_count.ts";
import { cutFinishColumns, cutFinishRows, cutTargetRows } from "../../kernels/cut_finish.ts";
import { cutGradient } from "../../kernels/cut_gradient.ts";
import { cutJobs } from "../../kernels/cut_jobs.ts";
import { cutRows } from "../../kernels/cut_rows.ts";
import { elementGrid, rowGrid } from "../../kernels/grid.ts";
import { targetLogits as targetLogitsKernel } from "../../kernels/target_logits.ts";
import type { TileShape } from "../../kernels/tile.ts";
import type { Bindable } from "../gpu/device.ts";
import type { DeviceBuffer } from "../gpu/pool.ts";
import { gradientTile, halfGradientTile } from "../gpu/tiles.ts";
import { type Gradients, makeGradients, type Wanted } from "./blocks.ts";
import type { Problem } from "./problem.ts";

/** What the forward pass keeps for the filter. */
export interface KeepMap {
  /** Bytes [tile][row] in words of four rows; behind the tiles, room for the rows' thresholds. */
  bounds: DeviceBuffer;
  /** f32 [rowCount]: what the bounds are relative to. */
  reference: DeviceBuffer;
  /** Words of a tile. */
  rowWords: number;
  tiles: number;
  tile: TileShape;
}

/** The logit of every row's target, about: known before the vocabulary is walked through. */
export function targetLogitEstimates(p: Problem): DeviceBuffer {
  const estimates = p.allocate(p.rowCount * 4, "target logit estimates");
  for (const shard of p.shards) {
    p.gpu.run(targetLogitsKernel({ bias: p.bias !== undefined, half: p.half }), {
      e: p.e,
      c: p.shardOf(p.c, shard),
      rows: p.rows,
      targets: p.targets,
      y: estimates,
      ...(p.bias ? { bias: p.bias } : {}),
    }, {
      rowCount: p.rowCount,
      d: p.d,
      first: shard.first,
      columns: shard.columns,
      softcap: p.options.softcap,
    }, rowGrid(p.rowCount));
  }
  return estimates;
}

/** Rows with the same target, together: `order` lists rows, `starts` where each target's begin. */
function groupByTarget(targets: Uint32Array): { order: Uint32Array; starts: Uint32Array } {
  // Sorting pairs of target and row as doubles is many times faster than with a comparison.
  const keys = Float64Array.from(targets, (target, row) => target * 2 ** 26 + row).sort();
  const order = new Uint32Array(keys.length), starts: number[] = [];
  let last = -1;
  keys.forEach((key, i) => {
    const target = Math.floor(key / 2 ** 26);
    order[i] = key - target * 2 ** 26;
    if (target !== last) starts.push(i), last = target;
  });
  starts.push(keys.length);
  return { order, starts: Uint32Array.from(starts) };
}

/** Gradients of E, C and bias from the surviving rows of each tile; same bits every run. */
export function filteredGradients(
  p: Problem,
  map: KeepMap,
  targetLogits: DeviceBuffer,
  coefficients: DeviceBuffer,
  wanted: Wanted,
): Gradients {
  const { gpu, rowCount, d, half } = p, { softcap, filterEps } = p.options;
  const gradients = makeGradients(p, wanted, true);
  const tile = half ? halfGradientTile(gpu, map.tile) : gradientTile(gpu, map.tile);
  const bias: Record<string, Bindable> = p.bias ? { bias: p.bias } : {};

  // Rows: what multiplies their softmax, how much gradient they have, what matters to them.
  const rowData = p.allocate(rowCount * 32, "rows of the filter");
  const targetFactors = p.allocate(rowCount * 4, "target factors");
  const thresholds = map.tiles * map.rowWords;
  gpu.run(cutRows(), {
    coefficients,
    targetLogits,
    reference: map.reference,
    rows: p.rows,
    targets: p.targets,
    rowData,
    targetFactors,
    bounds: map.bounds,
  }, {
    rowCount,
    words: map.rowWords,
    firstWord: thresholds,
    logEps: Math.log(filterEps),
    softcap,
  }, elementGrid(map.rowWords, 64));

  // Scales of fixed point: [max |E[:, d]|, max |C[:, d]|, mass of each tile].
  const scales = p.allocate((2 * d + map.tiles) * 4, "scales");
  gpu.clear(scales);
  const maxima = (x: Bindable, count: number, first: number, rows?: Bindable) =>
    gpu.run(
      columnMaxima({ gather: rows !== undefined, half }),
      { x, y: scales, ...(rows ? { rows } : {}) },
      { rowCount: count, width: d, first },
      [Math.ceil(d / COLUMN_MAXIMA.columns), Math.ceil(count / COLUMN_MAXIMA.rows)],
    );
  maxima(p.e, rowCount, 0, p.rows);
  for (const shard of p.shards) maxima(p.shardOf(p.c, shard), shard.columns, d);

  const counts = p.allocate(map.tiles * 4, "survivors of each tile");
  gpu.run(cutCount(), {
    bounds: map.bounds,
    rowData,
    reference: map.reference,
    counts,
    scales,
  }, {
    tiles: map.tiles,
    rowWords: map.rowWords,
    thresholds,
    firstScale: 2 * d,
  }, rowGrid(map.tiles));

  const kernel = cutGradient({
    tile,
    vector: d % 4 === 0,
    wholeSteps: d % tile.k === 0 && !gpu.adapter.software,
    bias: p.bias !== undefined,
    softcap: softcap > 0,
    dE: wanted.e,
    dC: wanted.c,
    dBias: gradients.bias !== undefined,
    half,
  });
  const jobs = p.allocate((map.tiles + 1) * 4, "jobs"), grid = p.allocate(12, "grid of jobs");
  const { order, starts } = groupByTarget(p.hostTargets);
  const groups = p.allocate((order.length + starts.length) * 4 + 512, "rows by target");
  const orderSlice = groups.slice(0, order.length * 4);
  const startsSlice = groups.slice(Math.ceil(order.length * 4 / 256) * 256, starts.length * 4);
  gpu.write(orderSlice, order as Uint32Array<ArrayBuffer>);
  gpu.write(startsSlice, starts as Uint32Array<ArrayBuffer>);

  let firstTile = 0, firstGroup = 0;
  p.shards.forEach((shard) => {
    const tiles = Math.ceil(shard.columns / map.tile.n);
    const c = p.shardOf(p.c, shard);
    const dC = gradients.c && p.shardOf(gradients.c, shard);
    gpu.run(cutJobs({ rowsOfJob: tile.m }), { counts, jobs, grid }, { firstTile, tiles }, [1]);
    gpu.run(kernel, {
      e: p.e,
      c,
      rowData,
      bounds: map.bounds,
      jobs,
      scales,
      ...bias,
      ...(gradients.e ? { dE: gradients.e } : {}),
      ...(dC ? { dC } : {}),
      ...(gradients.bias ? { dBias: gradients.bias } : {}),
    }, {
      d,
      columns: shard.columns,
      first: shard.first,
      firstTile,
      tiles,
      rowWords: map.rowWords,
      thresholds,
      softcap: softcap || 1,
    }, { indirect: grid.slice(0, 12) });

    const finish = (y: Bindable, count: number, width: number, weighted: number) =>
      gpu.run(cutFinishColumns({ tileColumns: map.tile.n }), { scales, y }, {
        count,
        width,
        firstScale: 2 * d + firstTile,
        weighted,
      }, elementGrid(count, 256));
    if (dC) finish(dC, shard.columns * d, d, 1);
    if (gradients.bias) {
      const { buffer, offset } = gradients.bias.slice;
      const part = { buffer, offset: offset + shard.first * 4, bytes: shard.columns * 4 };
      finish(part, shard.columns, 1, 0);
    }
    // Targets of this shard follow one another.
    let groupsHere = 0;
    const end = shard.first + shard.columns;
    while (
      firstGroup + groupsHere < starts.length - 1 &&
      p.hostTargets[order[starts[firstGroup + groupsHere]]] < end
    ) groupsHere++;
    if (groupsHere > 0 && (dC || gradients.bias)) {
      const [x, y] = rowGrid(groupsHere);
      gpu.run(
        cutTargetRows({ dC: dC !== undefined, dBias: gradients.bias !== undefined, half }),
        {
          e: p.e,
          rows: p.rows,
          targets: p.targets,
          targetFactors,
          order: orderSlice,
          starts: startsSlice,
          ...(dC ? { dC } : {}),
          ...(gradients.bias ? { dBias: gradients.bias } : {}),
        },
        { firstGroup, groups: groupsHere, d, first: shard.first },
        [x, y, dC ? Math.ceil(d / 32) : 1],
      );
    }
    firstTile += tiles;
    firstGroup += groupsHere;
  });
  // Only now: all shards add to dE in fixed point, which the first of these turns into f32.
  if (gradients.e) {
    const dE = gradients.e;
    p.shards.forEach((shard, index) =>
      gpu.run(
        cutFinishRows({ half }),
        { c: p.shardOf(p.c, shard), rowData, targetFactors, scales, dE },
        { rowCount, d, first: shard.first, columns: shard.columns, convert: index === 0 ? 1 : 0 },
        rowGrid(rowCount),
      )
    );
  }
  for (const buffer of [rowData, targetFactors, scales, counts, jobs, grid, groups]) {
    buffer.release();
  }
  return gradients;
}
