/** The filtered backward pass of cut cross-entropy: only rows of a tile that matter. */
import { cutFinishColumns, cutFinishRows, cutTargetRows } from "../../kernels/cut_finish.ts";
import { cutGradient } from "../../kernels/cut_gradient.ts";
import { cutJobs } from "../../kernels/cut_jobs.ts";
import { cutMeasure } from "../../kernels/cut_measure.ts";
import { cutRows } from "../../kernels/cut_rows.ts";
import { elementGrid, rowGrid } from "../../kernels/grid.ts";
import type { TileShape } from "../../kernels/tile.ts";
import type { Bindable } from "../gpu/device.ts";
import type { BufferSlice, DeviceBuffer } from "../gpu/pool.ts";
import { gradientTile, halfGradientTile } from "../gpu/tiles.ts";
import { type Gradients, makeGradients, type Wanted } from "./blocks.ts";
import { countSurvivors } from "./count_survivors.ts";
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

/** Rows with the same target, together. */
interface TargetGroups {
  buffer: DeviceBuffer;
  /** Rows, and where those of each target begin. */
  order: BufferSlice;
  starts: BufferSlice;
  /** The different targets, ascending. */
  targets: number[];
}

function groupByTarget(p: Problem): TargetGroups {
  // Sorting pairs of target and row as doubles is many times faster than with a comparison.
  const keys = Float64Array.from(p.hostTargets, (target, row) => target * 2 ** 26 + row).sort();
  const order = new Uint32Array(keys.length), starts: number[] = [], targets: number[] = [];
  keys.forEach((key, i) => {
    const target = Math.floor(key / 2 ** 26);
    order[i] = key - target * 2 ** 26;
    if (target !== targets.at(-1)) starts.push(i), targets.push(target);
  });
  starts.push(keys.length);
  const firstStart = Math.ceil(order.byteLength / 256) * 256;
  const buffer = p.allocate(firstStart + starts.length * 4, "rows by target");
  const slices = {
    order: buffer.slice(0, order.byteLength),
    starts: buffer.slice(firstStart, starts.length * 4),
  };
  p.gpu.write(slices.order, order);
  p.gpu.write(slices.starts, Uint32Array.from(starts));
  return { buffer, ...slices, targets };
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
  const { scales, places, counts } = countSurvivors(p, map, rowData);

  // Jobs, shard by shard: what each row gets must be measured over all of them before they begin.
  const constants = {
    tile,
    vector: d % 4 === 0,
    wholeSteps: d % tile.k === 0 && !gpu.adapter.software,
    bias: p.bias !== undefined,
    softcap: softcap > 0,
    half,
  };
  const dE = gradients.e, dBias = gradients.bias;
  const groups = groupByTarget(p);
  const shards = shardsOf(p, map, groups);
  for (const { firstTile, tiles, jobs, grid, inputs, params } of shards) {
    gpu.run(
      cutJobs({ rowsOfJob: tile.m }),
      { counts, scales, jobs, grid },
      { firstTile, tiles, ...places },
      [1],
    );
    gpu.run(
      cutMeasure(constants),
      { ...inputs, rowData, bounds: map.bounds, jobs, scales, ...bias },
      { ...params, ...places },
      { indirect: grid.slice(12, 12) },
    );
  }
  const kernel = cutGradient({
    ...constants,
    dE: dE !== undefined,
    dC: wanted.c,
    dBias: dBias !== undefined,
  });
  for (const { jobs, grid, inputs, params, first, columns, ...shard } of shards) {
    const dC = gradients.c && p.shardOf(gradients.c, { first, columns });
    const outputs = { ...(dC ? { dC } : {}), ...(dBias ? { dBias } : {}) };
    gpu.run(
      kernel,
      {
        ...inputs,
        rowData,
        bounds: map.bounds,
        jobs,
        scales,
        ...bias,
        ...(dE ? { dE } : {}),
        ...outputs,
      },
      { ...params, ...places },
      { indirect: grid.slice(0, 12) },
    );
    const finish = (y: Bindable, width: number, weighted: number) =>
      gpu.run(cutFinishColumns({ tileColumns: map.tile.n }), { scales, y }, {
        count: columns * width,
        width,
        weighted,
        first,
        firstTile: shard.firstTile,
        ...places,
      }, elementGrid(columns * width, 256));
    if (dC) finish(dC, d, 1);
    if (dBias) {
      const { buffer, offset } = dBias.slice;
      finish({ buffer, offset: offset + first * 4, bytes: columns * 4 }, 1, 0);
    }
    if (shard.groups > 0 && (dC || dBias)) {
      const [x, y] = rowGrid(shard.groups);
      gpu.run(
        cutTargetRows({ dC: dC !== undefined, dBias: dBias !== undefined, half }),
        {
          e: p.e,
          rows: p.rows,
          targets: p.targets,
          targetFactors,
          order: groups.order,
          starts: groups.starts,
          ...outputs,
        },
        { firstGroup: shard.firstGroup, groups: shard.groups, d, first },
        [x, y, dC ? Math.ceil(d / 32) : 1],
      );
    }
  }
  // Only now: all shards add to dE in fixed point, which the first of these turns into f32.
  if (dE) {
    shards.forEach(({ inputs: { c }, first, columns }, index) =>
      gpu.run(
        cutFinishRows({ half }),
        { c, rowData, targetFactors, scales, dE },
        { rowCount, d, first, columns, convert: index === 0 ? 1 : 0, ...places },
        rowGrid(rowCount),
      )
    );
  }
  for (const buffer of [rowData, targetFactors, scales, counts, groups.buffer]) buffer.release();
  for (const { jobs, grid } of shards) jobs.release(), grid.release();
  return gradients;
}

/** The shards of C with their tiles, jobs and targets, and what kernels over jobs are told of them. */
function shardsOf(p: Problem, map: KeepMap, { targets }: TargetGroups) {
  let firstTile = 0, firstGroup = 0;
  return p.shards.map((shard) => {
    const { first, columns } = shard, tiles = Math.ceil(columns / map.tile.n);
    // Targets of a shard follow one another.
    let groups = 0;
    while (targets[firstGroup + groups] < first + columns) groups++;
    const found = {
      ...{ first, columns, firstTile, tiles, firstGroup, groups },
      jobs: p.allocate((tiles + 1) * 4, "jobs"),
      grid: p.allocate(24, "grids of jobs"),
      inputs: { e: p.e, c: p.shardOf(p.c, shard) },
      params: {
        d: p.d,
        columns,
        first,
        firstTile,
        tiles,
        rowWords: map.rowWords,
        thresholds: map.tiles * map.rowWords,
        softcap: p.options.softcap || 1,
      },
    };
    firstTile += tiles;
    firstGroup += groups;
    return found;
  });
}
