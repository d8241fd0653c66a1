import type { Classifier } from "../nn/classifier.ts";
import { classify, type ClassifyOptions } from "./classify.ts";

/** Which class a model sees in a text, and how much each token has to do with it. */
export interface Occlusion {
  /** The most likely class, or the one that was asked for. */
  readonly target: number;
  /** P(target | text). */
  readonly probability: number;
  /**
   * For each token, how far P(target) falls when the token is hidden, in −1 … 1; below 0 for tokens
   * that speak for another class. 0 for tokens that are never hidden.
   */
  readonly drops: Float64Array;
}

/** Options of {@linkcode occlude}. */
export interface OcclusionOptions extends ClassifyOptions {
  /** The id that stands for a hidden token: that of `[MASK]`. */
  maskId: number;
  /** The class whose probability is watched (default: the most likely one). */
  target?: number;
  /** Ids that are never hidden: those of `[CLS]` and `[SEP]`. */
  keep?: readonly number[];
}

/**
 * Hides one token of a text after the other and sees what becomes of the answer (Zeiler and Fergus,
 * "Visualizing and understanding convolutional networks", 2014, section 4.2, on tokens).
 *
 * Evidence that stands in the text twice does not show: hiding one of two changes little.
 *
 * @param ids the text's token ids, those of the template included
 * @throws {RangeError} if target is no class, or if the model's probabilities are NaN.
 */
export async function occlude(
  model: Classifier,
  ids: ArrayLike<number>,
  { maskId, target, keep = [], ...options }: OcclusionOptions,
): Promise<Occlusion> {
  const whole = Int32Array.from(ids);
  const hidden = whole.keys().filter((i) => !keep.includes(whole[i])).toArray();
  const texts = [whole, ...hidden.map((i) => whole.with(i, maskId))];
  const probabilities = await classify(model, texts, options);
  const classes = probabilities.length / texts.length;
  const first = probabilities.subarray(0, classes);
  const watched = target ?? first.indexOf(first.reduce((a, b) => Math.max(a, b)));
  if (first.some(Number.isNaN)) {
    throw new RangeError(
      "The model's probabilities are NaN; its weights or what they were loaded from are damaged.",
    );
  }
  if (!(watched in first)) {
    throw new RangeError(`target is ${target}; expected a class from 0 to ${classes - 1}.`);
  }
  const drops = new Float64Array(whole.length);
  hidden.forEach((position, i) => {
    drops[position] = first[watched] - probabilities[(i + 1) * classes + watched];
  });
  return { target: watched, probability: first[watched], drops };
}
