import type { TileShape } from "../../kernels/tile.ts";
import type { DeviceBuffer } from "../gpu/pool.ts";
import type { Gradients, Wanted } from "./blocks.ts";
import type { Problem } from "./problem.ts";
export interface KeepMap {
  bounds: DeviceBuffer;
  reference: DeviceBuffer;
  rowWords: number;
  tiles: number;
  tile: TileShape;
}
export function targetLogitEstimates(_p: Problem): DeviceBuffer {
  throw new Error("x");
}
export function filteredGradients(
  _p: Problem,
  _m: KeepMap,
  _t: DeviceBuffer,
  _c: DeviceBuffer,
  _w: Wanted,
): Gradients {
  throw new Error("x");
}
