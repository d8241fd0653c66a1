/** What layer norm and RMS norm share. */
import { rowGrid } from "../../kernels/grid.ts";
import { norm as forward, normGradient, normParameterGradient } from "../../kernels/norm.ts";
import { gradientOf, gradientPlace } from "../tensor/gradient_place.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32, checkNotEmpty, checkShapeIs } from "./check.ts";
import { columnSum } from "./column_sum.ts";

/** Rows of a part of the parameters' gradients. */
const ROWS_OF_PART = 128;

/** Normalises the rows (last dimension) of x; see kernels/norm.ts. */
export function normalise(
  operation: string,
  x: Tensor,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  { center, eps }: { center: boolean; eps: number },
): Tensor {
  checkF32(operation, { x }, { weight, bias });
  checkNotEmpty(operation, "x", x);
  const { gpu, shape } = x;
  const count = shape[shape.length - 1], rows = x.size / count;
  if (weight) checkShapeIs(operation, "weight", weight, [count], "(the last dimension of x)");
  if (bias) checkShapeIs(operation, "bias", bias, [count], "(the last dimension of x)");
  if (!(eps >= 0)) throw new RangeError(`${operation}(): eps is ${eps}; expected at least 0.`);

  const vector = count % 4 === 0;
  const elements = vector ? count / 4 : count;
  const constants = {
    center,
    weight: weight !== undefined,
    vector,
    width: elements > 256 ? 128 : elements > 64 ? 64 : 32,
  };
  const y = gpu.empty(shape, { label: operation });
  using stats = gpu.empty([rows, 2], { label: `${operation} statistics` });
  const parameters = { ...(weight ? { w: weight } : {}), ...(bias ? { b: bias } : {}) };
  gpu.run(
    forward({ ...constants, bias: bias !== undefined }),
    { x, ...parameters, y, stats },
    { rows, elements, count, eps },
    rowGrid(rows),
  );
  const saved = { x: x.slice, stats: stats.slice, ...(weight ? { w: weight.slice } : {}) };
  record({
    name: operation,
    inputs: [x, ...(weight ? [weight] : []), ...(bias ? [bias] : [])],
    outputs: [y],
    saved: [x, stats, ...(weight ? [weight] : [])],
    backward: ([dy]) => {
      const gradients: (Tensor | undefined)[] = [undefined];
      if (x.requiresGrad) {
        const { into: dx, accumulate } = gradientPlace(x);
        gradients[0] = dx;
        gpu.run(
          normGradient({ ...constants, accumulate }),
          { ...saved, dy: dy!, dx },
          { rows, elements, count },
          rowGrid(rows),
        );
      }
      if (weight?.requiresGrad || bias?.requiresGrad) {
        const splits = Math.min(256, Math.ceil(rows / ROWS_OF_PART));
        const label = "parts of a column sum";
        using dw = gpu.empty([splits, count], { label });
        using db = bias ? gpu.empty([splits, count], { label }) : undefined;
        const kernel = normParameterGradient({ bias: bias !== undefined });
        gpu.run(
          kernel,
          { x: saved.x, stats: saved.stats, dy: dy!, dw, ...(db ? { db } : {}) },
          { rows, columns: count, rows_of_part: Math.ceil(rows / splits) },
          [Math.ceil(count / kernel.tile.columns), splits],
        );
        if (weight) gradients.push(columnSum(gpu, dw, splits, count, gradientOf(weight)));
        if (db) gradients.push(columnSum(gpu, db, splits, count, gradientOf(bias!)));
      }
      return gradients;
    },
  });
  return y;
}
