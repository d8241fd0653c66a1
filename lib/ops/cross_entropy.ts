import { crossEntropy as forward, crossEntropyGradient } from "../../kernels/cross_entropy.ts";
import { elementGrid, rowGrid } from "../../kernels/grid.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32, checkNotEmpty, checkRange, checkRank, checkShapeIs, hostInts } from "./check.ts";
import { total } from "./sum.ts";

/** How losses are put together. */
export interface CrossEntropyOptions {
  /** A target that counts for nothing (default −100). */
  ignoreIndex?: number;
  /** Mean over the targets that are not ignored (0 if all are), their sum, or every loss. */
  reduction?: "mean" | "sum" | "none";
}

/**
 * Cross-entropy of classification, −log softmax(logits)[target], as PyTorch's `F.cross_entropy`
 * (except that a batch whose targets are all ignored has the mean 0, not NaN).
 *
 * @param logits [N, C].
 * @param targets i32 [N], made with `gpu.tensor(Int32Array)`.
 * @returns a scalar, or [N] with reduction "none".
 * @throws {RangeError} if a target is no class, naming its place, or ignoreIndex no 32-bit integer.
 */
export function crossEntropy(
  logits: Tensor,
  targets: Tensor,
  { ignoreIndex = -100, reduction = "mean" }: CrossEntropyOptions = {},
): Tensor {
  checkF32("crossEntropy", { logits });
  if (!["mean", "sum", "none"].includes(reduction)) {
    throw new RangeError(
      `crossEntropy(): reduction is ${
        JSON.stringify(reduction)
      }; expected "mean", "sum" or "none".`,
    );
  }
  if (!(Number.isInteger(ignoreIndex) && Math.abs(ignoreIndex) < 2 ** 31)) {
    throw new RangeError(
      `crossEntropy(): ignoreIndex is ${ignoreIndex}; expected a whole number of 32 bits.`,
    );
  }
  checkRank("crossEntropy", "logits", logits, "[N, C]");
  checkNotEmpty("crossEntropy", "logits", logits);
  const { gpu, shape, size } = logits;
  const [rows, classes] = shape;
  checkShapeIs("crossEntropy", "targets", targets, [rows], "(one for each row of logits)");
  const chosen = hostInts("crossEntropy", "targets", targets);
  checkRange("crossEntropy", "targets", chosen, classes, ignoreIndex);

  const counted = chosen.reduce((n, target) => n + (target === ignoreIndex ? 0 : 1), 0);
  const factor = reduction === "mean" ? 1 / Math.max(1, counted) : 1;
  const losses = gpu.empty([rows], { label: "crossEntropy" });
  using lse = gpu.empty([rows], { label: "log-sum-exp" });
  gpu.run(
    forward(),
    { x: logits, targets, losses, lse },
    { rows, classes, ignored: ignoreIndex },
    rowGrid(rows),
  );
  let loss = losses;
  if (reduction !== "none") {
    loss = total(losses, factor, "crossEntropy");
    losses.dispose();
  }
  const saved = { x: logits.slice, targets: targets.slice, lse: lse.slice };
  record({
    name: "crossEntropy",
    inputs: [logits],
    outputs: [loss],
    saved: [logits, targets, lse],
    backward: ([dloss]) => {
      const dx = gpu.empty(shape, { label: "gradient" });
      gpu.run(
        crossEntropyGradient({ perRow: reduction === "none" }),
        { ...saved, dloss: dloss!, dx },
        { count: size, classes, ignored: ignoreIndex, factor },
        elementGrid(size, 256),
      );
      return [dx];
    },
  });
  return loss;
}
