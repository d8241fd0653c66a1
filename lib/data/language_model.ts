/**
 * Synthetic inputs for the loss of a language model: embeddings E, classifier C and targets.
 *
 * Generated data. "Trained-like" has what matters of a trained model's last layer: targets with
 * Zipf's frequencies, and embeddings that point at their target strongly enough for softmax to be
 * peaked. "Flat" has none of it: embeddings of an untrained model, which know nothing.
 */
import { Random } from "./random.ts";

/** Sizes and seed. */
export interface LanguageModelSizes {
  /** Tokens. */
  n: number;
  /** Vocabulary entries. */
  v: number;
  /** Width of the embeddings. */
  d: number;
  seed?: number;
}

/** Host arrays for `linearCrossEntropy`. */
export interface LanguageModelData {
  /** [N, D] */
  e: Float32Array<ArrayBuffer>;
  /** [V, D] */
  c: Float32Array<ArrayBuffer>;
  /** [N] */
  targets: Int32Array<ArrayBuffer>;
}

/** Above this many numbers, rows are windows into a pool of normals instead of all new ones. */
const POOL = 2 ** 26;

/** Rows of standard normals times `scale`. */
function normalRows(
  random: Random,
  rows: number,
  width: number,
  scale: number,
): Float32Array<ArrayBuffer> {
  const all = new Float32Array(rows * width);
  if (all.length <= POOL) {
    for (let i = 0; i < all.length; i++) all[i] = scale * random.normal();
    return all;
  }
  // Windows at random places: two rows share numbers only in different columns, which leaves their
  // products as good as independent, and gigabytes are made at the speed of copying.
  const pool = normalRows(random, 1, POOL / 4, scale);
  for (let row = 0; row < rows; row++) {
    const start = random.below(pool.length - width);
    all.set(pool.subarray(start, start + width), row * width);
  }
  return all;
}

/** Targets with Zipf's frequencies: entry r of V is drawn with probability about 1 / (r ln V). */
function zipfTargets(random: Random, n: number, v: number): Int32Array<ArrayBuffer> {
  return Int32Array.from(
    { length: n },
    () => Math.min(v - 1, Math.floor(Math.exp(random.float() * Math.log(v + 1))) - 1),
  );
}

/**
 * Inputs as a trained model has them: C rows N(0, 1/D), targets Zipf(1) over V,
 * E = N(0, 1) + peak · C[target] / |C[target]|.
 *
 * @param peak strength: 14 gives a mean loss of about 0.12 at V = 50,257 and D = 768, 10 about 1.7.
 */
export function trainedLike(
  { n, v, d, seed = 0, peak = 14 }: LanguageModelSizes & { peak?: number },
): LanguageModelData {
  const data = flat({ n, v, d, seed });
  const { e, c, targets } = data;
  for (let i = 0; i < n; i++) {
    const row = c.subarray(targets[i] * d, targets[i] * d + d);
    let square = 0;
    for (let k = 0; k < d; k++) square += row[k] * row[k];
    const factor = peak / Math.sqrt(square);
    for (let k = 0; k < d; k++) e[i * d + k] += factor * row[k];
  }
  return data;
}

/** Inputs as an untrained model has them: C rows N(0, 1/D), E = N(0, 1), targets Zipf(1) over V. */
export function flat({ n, v, d, seed = 0 }: LanguageModelSizes): LanguageModelData {
  const random = new Random(seed);
  return {
    c: normalRows(random.fork("classifier"), v, d, 1 / Math.sqrt(d)),
    e: normalRows(random.fork("embeddings"), n, d, 1),
    targets: zipfTargets(random.fork("targets"), n, v),
  };
}
