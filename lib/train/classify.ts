import type { Classifier } from "../nn/classifier.ts";
import { readWithoutGrad } from "../tensor/read_without_grad.ts";
import { padTokens } from "../data/token_batches.ts";
import { checkBatchSize } from "./prompts.ts";

/** Options of {@linkcode classify}. */
export interface ClassifyOptions {
  /** The id that fills short texts up. */
  padId: number;
  /** Texts that are computed at once (default 64). */
  batchSize?: number;
}

/** Batches whose results wait on the device for one read. */
const BATCHES_A_READ = 64;

/**
 * P(class | text) for each text, [texts, classes] in row-major order.
 *
 * Texts of similar length are computed together, so that little is filled up.
 *
 * @param texts token ids, those of the template (`[CLS]`, `[SEP]`) included
 * @throws {RangeError} if batchSize is no whole number of at least 1, or an id is not in the vocabulary.
 */
export async function classify(
  model: Classifier,
  texts: readonly ArrayLike<number>[],
  { padId, batchSize = 64 }: ClassifyOptions,
): Promise<Float64Array> {
  checkBatchSize("classify", batchSize);
  const order = Array.from(texts, (_, i) => i).sort((a, b) => texts[a].length - texts[b].length);
  const batches: number[][] = [];
  for (let i = 0; i < order.length; i += batchSize) batches.push(order.slice(i, i + batchSize));
  let probabilities = new Float64Array();
  for (let start = 0; start < batches.length; start += BATCHES_A_READ) {
    const part = batches.slice(start, start + BATCHES_A_READ);
    const results = await readWithoutGrad(model.gpu, (hold) => {
      for (const members of part) {
        const rows = members.map((i) => ({ ids: texts[i], label: -100 }));
        const padded = padTokens(rows, { padId });
        // Filling up to a multiple must not make a text too long that is not.
        const fits = padded.ids[0].length <= model.longest;
        hold(model.logits(fits ? padded : padTokens(rows, { padId, multipleOf: 1 })));
      }
    });
    const classes = results[0].length / part[0].length;
    if (start === 0) probabilities = new Float64Array(texts.length * classes);
    for (const [i, logits] of results.entries()) {
      for (const [row, text] of part[i].entries()) {
        const scores = logits.subarray(row * classes, (row + 1) * classes);
        probabilities.set(softmax(scores), text * classes);
      }
    }
  }
  return probabilities;
}

function softmax(scores: ArrayLike<number>): Float64Array {
  const largest = Array.from(scores).reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Float64Array.from(scores, (score) => Math.exp(score - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
