import { dropout as kernel } from "../../kernels/dropout.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32 } from "./check.ts";
import { runElements } from "./elementwise.ts";
import { reshape } from "./reshape.ts";

/** Names a stream of random bits: the same numbers give the same bits on every adapter. */
export interface DropoutStream {
  /** A whole number from 0 to 2⁵³ − 1. */
  seed: number;
  /** Another one, different for every call of a training run (default 0). */
  offset?: number;
}

/** Parameters of kernels that drop, from a probability and a stream. */
export function dropoutParams(
  operation: string,
  p: number,
  { seed, offset = 0 }: DropoutStream,
): Record<string, number> {
  if (!(p >= 0 && p < 1)) {
    throw new RangeError(`${operation}(): p is ${p}; expected a probability, 0 ≤ p < 1.`);
  }
  for (const [name, value] of Object.entries({ seed, offset })) {
    if (!(Number.isSafeInteger(value) && value >= 0)) {
      throw new RangeError(
        `${operation}(): ${name} is ${value}; expected a whole number from 0 to 2^53 - 1.`,
      );
    }
  }
  return {
    threshold: Math.min(2 ** 32 - 1, Math.round(p * 2 ** 32)),
    factor: 1 / (1 - p),
    seed_low: seed >>> 0,
    seed_high: Math.floor(seed / 2 ** 32),
    offset_low: offset >>> 0,
    offset_high: Math.floor(offset / 2 ** 32),
  };
}

/**
 * Sets elements to 0 with probability p and divides the others by 1 − p (Srivastava et al. 2014,
 * "inverted" as in PyTorch's `F.dropout`). The mask is a function of seed and offset and is not
 * stored.
 *
 * @param x any shape.
 * @param p probability of dropping, 0 ≤ p < 1; with 0, x itself is returned under another handle.
 */
export function dropout(x: Tensor, p: number, stream: DropoutStream): Tensor {
  checkF32("dropout", { x });
  const params = dropoutParams("dropout", p, stream);
  if (p === 0) return reshape(x, x.shape);
  const { gpu, shape, size } = x;
  const dropped = (x: Tensor, label: string) => {
    const y = gpu.empty(shape, { label });
    runElements(gpu, kernel(), { x, y }, size, params);
    return y;
  };
  const y = dropped(x, "dropout");
  record({
    name: "dropout",
    inputs: [x],
    outputs: [y],
    backward: ([dy]) => [dropped(dy!, "gradient")],
  });
  return y;
}
