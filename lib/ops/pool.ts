/** One vector a sequence: a chosen token, or the mean of the tokens that are no padding. */
import { elementGrid } from "../../kernels/grid.ts";
import { pool, poolGradient } from "../../kernels/pool.ts";
import { MOST_STEPS } from "../gpu/tiles.ts";
import { formatShape, ShapeError } from "../tensor/shape.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32, checkRange, checkRank, checkShapeIs, hostInts } from "./check.ts";

/**
 * y[b, :] = x[b, index, :].
 *
 * @param x [B, T, D].
 * @param index the same token for all sequences (negative: from the end), or one for each, as
 * numbers or as an i32 tensor [B].
 * @returns [B, D].
 * @throws {RangeError} if an index is no token, naming its place.
 */
export function selectToken(x: Tensor, index: number | readonly number[] | Tensor): Tensor {
  checkF32("selectToken", { x });
  checkRank("selectToken", "x", x, "[B, T, D]");
  const { gpu, shape } = x;
  const [batch, time, columns] = shape;
  const given = typeof index === "number"
    ? Array.from({ length: batch }, () => index)
    : Array.from("gpu" in index ? hostInts("selectToken", "index", index) : index);
  if (given.length !== batch) {
    throw new ShapeError(
      `selectToken(): index has ${given.length} numbers; expected one for each of the ${batch} ` +
        `sequences of x ${formatShape(shape)}.`,
    );
  }
  const fraction = given.findIndex((t) => !Number.isInteger(t));
  if (fraction >= 0) {
    throw new RangeError(
      `selectToken(): index[${fraction}] is ${given[fraction]}; expected a whole number.`,
    );
  }
  const chosen = Int32Array.from(given, (t) => t < 0 ? t + time : t);
  checkRange("selectToken", "index", chosen, time);
  using tokens = gpu.tensor(chosen, [batch], { label: "chosen tokens" });
  const y = gpu.empty([batch, columns], { label: "selectToken" });
  const kind = "select" as const;
  gpu.run(
    pool({ kind }),
    { x, tokens, y },
    { count: y.size, time, columns },
    elementGrid(y.size, 64),
  );
  const saved = tokens.slice;
  record({
    name: "selectToken",
    inputs: [x],
    outputs: [y],
    saved: [tokens],
    backward: ([dy]) => {
      const dx = gpu.empty(shape, { label: "gradient" });
      gpu.run(
        poolGradient({ kind }),
        { dy: dy!, tokens: saved, dx },
        { count: dx.size, time, columns },
        elementGrid(dx.size, 256),
      );
      return [dx];
    },
  });
  return y;
}

/**
 * y[b, :] = mean of x[b, t, :] over the tokens t with mask[b, t] ≠ 0; 0 if there are none.
 *
 * @param x [B, T, D].
 * @param mask i32 [B, T].
 * @returns [B, D].
 * @throws {RangeError} if a software adapter would not come to the end of a sequence.
 */
export function maskedMean(x: Tensor, mask: Tensor): Tensor {
  checkF32("maskedMean", { x });
  checkRank("maskedMean", "x", x, "[B, T, D]");
  const { gpu, shape } = x;
  const [batch, time, columns] = shape;
  checkShapeIs("maskedMean", "mask", mask, [batch, time], "like the first dimensions of x");
  if (gpu.adapter.software && time > MOST_STEPS) {
    throw new RangeError(
      `maskedMean(): x has ${time} tokens a sequence; expected at most ${MOST_STEPS} on a software ` +
        `adapter, whose loops end there.`,
    );
  }
  const chosen = hostInts("maskedMean", "mask", mask);
  const y = gpu.empty([batch, columns], { label: "maskedMean" });
  const kind = "mean" as const;
  gpu.run(
    pool({ kind }),
    { x, tokens: mask, y },
    { count: y.size, time, columns },
    elementGrid(y.size, 64),
  );
  const saved = mask.slice;
  record({
    name: "maskedMean",
    inputs: [x],
    outputs: [y],
    saved: [mask],
    backward: ([dy]) => {
      const shares = Float32Array.from({ length: batch }, (_, b) => {
        const tokens = chosen.subarray(b * time, (b + 1) * time);
        return 1 / Math.max(1, tokens.reduce((n, token) => n + (token === 0 ? 0 : 1), 0));
      });
      using weights = gpu.tensor(shares, [batch], { label: "shares of tokens" });
      const dx = gpu.empty(shape, { label: "gradient" });
      gpu.run(
        poolGradient({ kind }),
        { dy: dy!, tokens: saved, weights, dx },
        { count: dx.size, time, columns },
        elementGrid(dx.size, 256),
      );
      return [dx];
    },
  });
  return y;
}
