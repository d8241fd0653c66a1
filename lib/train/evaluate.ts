import { readWithoutGrad } from "../tensor/read_without_grad.ts";
import { ShapeError } from "../tensor/shape.ts";
import type { Trainable } from "./train_options.ts";

/** Batches whose losses wait on the device for one read; a page can breathe in between. */
const BATCHES_A_READ = 64;

/**
 * The mean loss over batches, each counted by its labels, without dropout.
 *
 * @param loss of a batch, the mean over its labels (default `model.loss`).
 * @returns nats a label.
 * @throws {RangeError} if there is no batch, or no label that counts.
 * @throws {ShapeError} if a loss is no scalar.
 */
export async function evaluate<Batch>(
  model: Trainable<Batch>,
  data: readonly Batch[],
  loss: Trainable<Batch>["loss"] = (batch, options) => model.loss(batch, options),
): Promise<number> {
  if (data.length === 0) throw new RangeError("evaluate(): data has no batches.");
  let sum = 0, count = 0;
  for (let start = 0; start < data.length; start += BATCHES_A_READ) {
    const part = data.slice(start, start + BATCHES_A_READ);
    const losses = await readWithoutGrad(model.gpu, (hold) => {
      for (const batch of part) hold(loss(batch, {}));
    });
    for (const [i, { length, 0: value }] of losses.entries()) {
      if (length !== 1) {
        const batch = `the loss of batch ${start + i}`;
        throw new ShapeError(
          `evaluate(): ${batch} has ${length} elements; expected one, the mean over its labels.`,
        );
      }
      const { targets } = model.measure(part[i]);
      sum += value * targets;
      count += targets;
    }
  }
  if (count === 0) throw new RangeError("evaluate(): data has no label that counts.");
  return sum / count;
}
