/** How many workgroups a kernel runs with. */
import { GpuError } from "./errors.ts";
import type { BufferSlice } from "./pool.ts";

/** Number of workgroups in x, y, z, or where on the device they are written as three u32. */
export type Grid = readonly [number, number?, number?] | { readonly indirect: BufferSlice };

/**
 * Whether a grid has any workgroups, as far as the host knows.
 *
 * @param most workgroups that a device allows in one dimension.
 * @throws {GpuError} naming the kernel if a number is none that is allowed.
 */
export function checkGrid(kernel: string, grid: Grid, most: number): boolean {
  if ("indirect" in grid) return true;
  let some = true;
  for (const n of grid) {
    if (n === undefined) continue;
    if (!(Number.isInteger(n) && n >= 0 && n <= most)) {
      throw new GpuError(
        `Kernel "${kernel}" was given a grid of [${
          grid.join(", ")
        }] workgroups; each must be a whole number of at most ${most}.`,
      );
    }
    some &&= n > 0;
  }
  return some;
}
