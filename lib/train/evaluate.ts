import type { Tensor } from "../tensor/tensor.ts";
import type { Trainable } from "./train_options.ts";

/**
 * The mean loss over batches, each counted by its labels, without dropout. One wait for all.
 *
 * @param loss of a batch (default `model.loss`).
 */
export async function evaluate<Batch>(
  model: Trainable<Batch>,
  data: readonly Batch[],
  loss: Trainable<Batch>["loss"] = (batch, options) => model.loss(batch, options),
): Promise<number> {
  if (data.length === 0) throw new RangeError("evaluate(): data has no batches.");
  const { gpu } = model;
  const losses: Tensor[] = [];
  try {
    {
      using _ = gpu.noGrad(); // not while waiting: others may be training meanwhile
      for (const batch of data) losses.push(loss(batch, {}));
    }
    const values = await gpu.read(losses);
    const targets = data.map((batch) => model.measure(batch).targets);
    const all = targets.reduce((a, b) => a + b, 0);
    return values.reduce((sum, [value], i) => sum + value * targets[i], 0) / Math.max(1, all);
  } finally {
    for (const value of losses) value.dispose();
  }
}
