/** Sum and mean of all elements. */
import { elementGrid } from "../../kernels/grid.ts";
import { spread, sum as kernel } from "../../kernels/sum.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32 } from "./check.ts";

/** Elements of a chunk at least, and chunks at most. */
const CHUNK = 4096, MOST_CHUNKS = 512;

/** factor · Σ x, not differentiable. */
export function total(x: Tensor, factor: number, label: string): Tensor {
  const { gpu, size } = x;
  const y = gpu.empty([], { label });
  const chunks = Math.max(1, Math.min(MOST_CHUNKS, Math.ceil(size / CHUNK)));
  if (chunks === 1) {
    gpu.run(kernel(), { x, parts: y }, { count: size, chunk: size, factor }, [1]);
    return y;
  }
  using parts = gpu.empty([chunks], { label: "parts of a sum" });
  const chunk = Math.ceil(size / chunks);
  gpu.run(kernel(), { x, parts }, { count: size, chunk, factor: 1 }, [chunks]);
  gpu.run(kernel(), { x: parts, parts: y }, { count: chunks, chunk: chunks, factor }, [1]);
  return y;
}

function reduction(name: string, x: Tensor, factor: number): Tensor {
  checkF32(name, { x });
  const { gpu, shape, size } = x;
  const y = total(x, factor, name);
  record({
    name,
    inputs: [x],
    outputs: [y],
    backward: ([dy]) => {
      const dx = gpu.empty(shape, { label: "gradient" });
      gpu.run(spread(), { s: dy!, y: dx }, { count: size, factor }, elementGrid(size, 256));
      return [dx];
    },
  });
  return y;
}

/** The sum of all elements of x, a scalar. */
export function sum(x: Tensor): Tensor {
  return reduction("sum", x, 1);
}

/**
 * The mean of all elements of x, a scalar.
 *
 * @throws {RangeError} if x has no elements.
 */
export function mean(x: Tensor): Tensor {
  if (x.size === 0) throw new RangeError("mean(): x has no elements; expected at least one.");
  return reduction("mean", x, 1 / x.size);
}
