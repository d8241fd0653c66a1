/** A small task for a tiny GPT-2: to go on counting, with steps of one to three. */
import type { BatchSource } from "../../lib/train/train_options.ts";
import type { Gpt2Batch } from "../../lib/nn/gpt2.ts";
import { Batches } from "../../lib/data/batches.ts";

export const TINY = { vocabulary: 40, positions: 16, width: 16, layers: 2, heads: 2 };

/** Sequences of 12 numbers below 40. */
export const sequences = Array.from({ length: 90 }, (_, i) => {
  const first = i % 30, by = 1 + i % 3;
  return Int32Array.from({ length: 12 }, (_, t) => (first + by * t) % 40);
});

/** Shuffled batches of the first `count` sequences. */
export function countingData(count = 80, batchSize = 8, seed = 1): BatchSource<Gpt2Batch> {
  const batches = new Batches(count, { batchSize, seed });
  return {
    next: () => ({ ids: Array.from(batches.next(), (i) => sequences[i]) }),
    get position() {
      return batches.position;
    },
    set position(position) {
      batches.position = position as typeof batches.position;
    },
  };
}
