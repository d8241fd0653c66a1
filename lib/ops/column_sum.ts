/** Sums over rows, for gradients of what was broadcast over them. */
import { columnSum as kernel } from "../../kernels/column_sum.ts";
import type { Bindable } from "../gpu/device.ts";
import type { Gpu } from "../tensor/gpu.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Rows that one workgroup adds at most, and parts at most: both stages stay short. */
const ROWS_OF_PART = 128, MOST_PARTS = 256;

/**
 * y[c] = factor · Σ_r x[r, c]. Not differentiable: for backward functions.
 *
 * @param x [rows, columns], contiguous.
 * @param y where the result goes, of `columns` elements.
 */
export function columnSum(
  gpu: Gpu,
  x: Bindable,
  rows: number,
  columns: number,
  y: Tensor,
  factor = 1,
): Tensor {
  const splits = rows <= 2 * ROWS_OF_PART
    ? 1
    : Math.min(MOST_PARTS, Math.ceil(rows / ROWS_OF_PART));
  const groups = Math.ceil(columns / kernel().tile.columns);
  const rowsOfPart = Math.ceil(rows / splits);
  if (splits === 1) {
    gpu.run(kernel(), { x, parts: y }, { rows, columns, rows_of_part: rows, factor }, [groups]);
    return y;
  }
  using parts = gpu.empty([splits, columns], { label: "parts of a column sum" });
  gpu.run(kernel(), { x, parts }, { rows, columns, rows_of_part: rowsOfPart, factor: 1 }, [
    groups,
    splits,
  ]);
  gpu.run(kernel(), { x: parts, parts: y }, {
    rows: splits,
    columns,
    rows_of_part: splits,
    factor,
  }, [groups]);
  return y;
}
