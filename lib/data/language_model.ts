/**
 * What the last layer of a language model sees, made up: embeddings, classifier and targets.
 *
 * Only the distribution of the logits matters to a cross-entropy loss, and two extremes are enough to
 * bracket real models: one that has learnt its text, and one that knows nothing.
 */
import { fillNormals } from "./normals.ts";
import { Random } from "./random.ts";

/** How much of it. */
export interface LanguageModelOptions {
  /** Tokens. */
  n: number;
  /** Entries of the vocabulary. */
  v: number;
  /** Width of the embeddings. */
  d: number;
  /** The same seed gives the same data. */
  seed?: number;
}

/** Inputs of a language model's loss. */
export interface LanguageModelData {
  /** [N, D]: one embedding a token. */
  e: Float32Array<ArrayBuffer>;
  /** [V, D]: the classifier, one row a vocabulary entry. */
  c: Float32Array<ArrayBuffer>;
  /** [N]: which entry follows each token. */
  targets: Int32Array<ArrayBuffer>;
}

/**
 * A model that has learnt its text: probabilities are peaked, mostly at the target.
 *
 * C ~ N(0, 1/D), targets by Zipf's law (probability ∝ 1/(index + 1), so that frequent entries come
 * first, as in a vocabulary made by byte-pair encoding), E ~ N(0, 1) + peak · c_target / |c_target|.
 * A target's logit is then about `peak` · |c_target| ≈ `peak`, and every other one N(0, 1 + peak²/D).
 *
 * ```ts
 * import { trainedLike } from "cutloss/data/mod.ts";
 *
 * const { e, c, targets } = trainedLike({ n: 64, v: 1000, d: 32 });
 * ```
 *
 * @param options `peak` is how far the targets stand out, in nats (default 14)
 */
export function trainedLike(
  { n, v, d, seed = 0, peak = 14 }: LanguageModelOptions & { peak?: number },
): LanguageModelData {
  for (const [name, value] of Object.entries({ n, v, d })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`${name} is ${value}; expected a whole number of at least 1.`);
    }
  }
  const random = new Random(seed).fork("language model");
  const c = new Float32Array(v * d), e = new Float32Array(n * d);
  fillNormals(c, random.fork("c"), 1 / Math.sqrt(d));
  fillNormals(e, random.fork("e"));
  const targets = zipfTargets(n, v, random.fork("targets"));
  for (let row = 0; row < n && peak !== 0; row++) {
    const from = targets[row] * d, to = row * d;
    let squares = 0;
    for (let k = 0; k < d; k++) squares += c[from + k] * c[from + k];
    const factor = peak / Math.sqrt(squares);
    for (let k = 0; k < d; k++) e[to + k] += factor * c[from + k];
  }
  return { e, c, targets };
}

/** A model that knows nothing: the same, but E ~ N(0, 1) has nothing to do with the targets. */
export function flat(options: LanguageModelOptions): LanguageModelData {
  return trainedLike({ ...options, peak: 0 });
}

/** Numbers from 0 to v − 1, with probabilities proportional to 1, 1/2, 1/3, … */
function zipfTargets(n: number, v: number, random: Random): Int32Array<ArrayBuffer> {
  const cumulative = new Float64Array(v);
  let sum = 0;
  for (let i = 0; i < v; i++) cumulative[i] = sum += 1 / (i + 1);
  return Int32Array.from({ length: n }, () => {
    const at = random.float() * sum;
    let low = 0, high = v - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle] <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}
