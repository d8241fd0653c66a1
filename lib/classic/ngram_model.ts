/**
 * Word n-gram models: how likely is a word after the one or two before it?
 *
 * Probabilities are relative frequencies, interpolated with those of shorter contexts and with the
 * uniform distribution (Jelinek and Mercer 1980), so that no word is impossible.
 */

/** Stands before the first word and after the last one. */
const BOUNDARY = "\u0000";

/** Options of {@linkcode NgramModel}. */
export interface NgramModelOptions {
  /** 2 for a bigram model, which looks back one word, 3 for a trigram model. */
  order: 2 | 3;
  /**
   * Weights of the estimates, from the longest context to the uniform distribution; their sum is
   * 1. The defaults are [0.95, 0.05] and [0.7, 0.27, 0.03].
   */
  weights?: readonly number[];
}

/** An interpolated bigram or trigram model. */
export class NgramModel {
  /** 2 or 3. */
  readonly order: 2 | 3;
  readonly #weights: readonly number[];
  /** counts[c] maps c words of context and a word to how often they were seen in this order. */
  readonly #counts: Map<string, number>[];
  /** contexts[c] maps c words of context to how often something followed them. */
  readonly #contexts: Map<string, number>[];
  readonly #vocabularySize: number;

  /**
   * @param sentences each a list of words
   * @throws RangeError if `weights` are not as many as `order`, or their sum is not 1
   * @throws TypeError if `sentences` is one string, or has a string in place of a list of words
   */
  constructor(sentences: Iterable<readonly string[]>, { order, weights }: NgramModelOptions) {
    this.order = order;
    this.#weights = weights ?? (order === 2 ? [0.95, 0.05] : [0.7, 0.27, 0.03]);
    if (
      this.#weights.length !== order || Math.abs(this.#weights.reduce((a, b) => a + b) - 1) > 1e-9
    ) {
      throw new RangeError(
        `weights must be ${order} numbers with sum 1, but were [${this.#weights.join(", ")}].`,
      );
    }
    this.#counts = Array.from({ length: order }, () => new Map());
    this.#contexts = Array.from({ length: order }, () => new Map());
    const words = new Set<string>([BOUNDARY]);
    for (const sentence of sentences) {
      if (typeof sentence === "string") {
        const wrong = typeof sentences === "string" ? "is a string" : "has a string as an item";
        throw new TypeError(
          `sentences ${wrong}; expected lists of words, such as [["a", "word"]].`,
        );
      }
      const padded = [...Array(order - 1).fill(BOUNDARY), ...sentence, BOUNDARY];
      for (let i = order - 1; i < padded.length; i++) {
        words.add(padded[i]);
        for (let length = 1; length < order; length++) {
          const context = padded.slice(i - length, i).join(" ");
          increment(this.#contexts[length], context);
          increment(this.#counts[length], `${context} ${padded[i]}`);
        }
      }
    }
    this.#vocabularySize = words.size;
  }

  /**
   * The natural logarithm of the probability of `word` after `before`.
   *
   * @param before the words so far; an empty list at the start of a sentence
   * @param word the next word, or undefined for the end of the sentence
   */
  logProbability(before: readonly string[], word: string | undefined): number {
    const padded = [BOUNDARY, BOUNDARY, ...before.slice(1 - this.order)];
    let probability = this.#weights[this.order - 1] / this.#vocabularySize;
    for (let length = 1; length < this.order; length++) {
      const context = padded.slice(padded.length - length).join(" ");
      const total = this.#contexts[length].get(context);
      if (total === undefined) continue;
      const count = this.#counts[length].get(`${context} ${word ?? BOUNDARY}`) ?? 0;
      probability += this.#weights[this.order - 1 - length] * count / total;
    }
    return Math.log(probability);
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
