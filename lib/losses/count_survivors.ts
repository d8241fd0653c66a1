/** What the filtered backward pass must know before it begins: survivors, and scales of fixed point. */
import { COLUMN_MAXIMA, columnMaxima } from "../../kernels/column_maxima.ts";
import { cutCount } from "../../kernels/cut_count.ts";
import { type ScaleLayout, scaleLayout } from "../../kernels/fixed_point.ts";
import { rowGrid } from "../../kernels/grid.ts";
import { rowSizes } from "../../kernels/row_sizes.ts";
import type { Bindable } from "../gpu/device.ts";
import type { DeviceBuffer } from "../gpu/pool.ts";
import type { KeepMap } from "./cut_filtered.ts";
import type { Problem } from "./problem.ts";

/** Numbers of surviving rows, and all of kernels/fixed_point.ts but the measured sums, still zero. */
export function countSurvivors(p: Problem, map: KeepMap, rowData: DeviceBuffer): {
  counts: DeviceBuffer;
  scales: DeviceBuffer;
  places: Omit<ScaleLayout, "length">;
} {
  const { gpu, rowCount, d, half } = p;
  const { length, ...places } = scaleLayout({ rows: rowCount, columns: p.v, tiles: map.tiles, d });
  const scales = p.allocate(length * 4, "scales");
  gpu.clear(scales);
  const maxima = (x: Bindable, count: number, first: number, rows?: Bindable) =>
    gpu.run(
      columnMaxima({ gather: rows !== undefined, half }),
      { x, y: scales, ...(rows ? { rows } : {}) },
      { rowCount: count, width: d, first },
      [Math.ceil(d / COLUMN_MAXIMA.columns), Math.ceil(count / COLUMN_MAXIMA.rows)],
    );
  maxima(p.e, rowCount, places.eMaxima, p.rows);
  gpu.run(
    rowSizes({ weighted: true, half }),
    { x: p.e, rows: p.rows, rowData, y: scales },
    { rowCount, width: d, first: places.rowSizes, spread: places.eSpread },
    rowGrid(rowCount),
  );
  for (const shard of p.shards) {
    const x = p.shardOf(p.c, shard), first = places.columnSizes + shard.first;
    maxima(x, shard.columns, places.cMaxima);
    gpu.run(
      rowSizes({ weighted: false, half }),
      { x, y: scales },
      { rowCount: shard.columns, width: d, first, spread: places.cSpread },
      rowGrid(shard.columns),
    );
  }
  const counts = p.allocate(map.tiles * 4, "survivors of each tile");
  gpu.run(
    cutCount(),
    { bounds: map.bounds, rowData, reference: map.reference, counts, scales },
    {
      tiles: map.tiles,
      rowWords: map.rowWords,
      thresholds: map.tiles * map.rowWords,
      tileMasses: places.tileMasses,
    },
    rowGrid(map.tiles),
  );
  return { counts, scales, places };
}
