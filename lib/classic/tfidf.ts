/**
 * Counts weighted by how telling a feature is: scikit-learn's `TfidfTransformer` and
 * `TfidfVectorizer`.
 */
import { CountVectorizer, type CountVectorizerOptions } from "./count_vectorizer.ts";
import type { SparseMatrix } from "./sparse_matrix.ts";

/** Options of {@linkcode TfidfTransformer}; names and defaults are scikit-learn's. */
export interface TfidfOptions {
  /** What the length of every row becomes 1 in; null leaves the rows as they are. */
  norm?: "l1" | "l2" | null;
  /** Whether counts are weighted by inverse document frequency at all. */
  useIdf?: boolean;
  /** Computes frequencies as if one more text had every feature once. */
  smoothIdf?: boolean;
  /** Replaces a count c by 1 + ln c. */
  sublinearTf?: boolean;
}

/**
 * Weighs counts by inverse document frequency and normalises rows.
 *
 * With n texts of which d have a feature, its weight is ln((1 + n) / (1 + d)) + 1 if smooth and
 * ln(n / d) + 1 if not.
 */
export class TfidfTransformer {
  readonly #options: Required<TfidfOptions>;
  #idf: Float64Array | undefined;

  constructor(
    { norm = "l2", useIdf = true, smoothIdf = true, sublinearTf = false }: TfidfOptions = {},
  ) {
    this.#options = { norm, useIdf, smoothIdf, sublinearTf };
  }

  /** The weight of each column. */
  get idf(): Float64Array {
    if (!this.#idf) throw new Error("The transformer must be fitted first.");
    return this.#idf;
  }

  /** Learns the weights from counts [texts, features]. */
  fit(counts: SparseMatrix): this {
    const texts = new Float64Array(counts.columns);
    for (let k = 0; k < counts.values.length; k++) {
      if (counts.values[k] !== 0) texts[counts.columnIndices[k]]++;
    }
    const added = this.#options.smoothIdf ? 1 : 0;
    this.#idf = texts.map((d) => Math.log((counts.rows + added) / (d + added)) + 1);
    return this;
  }

  /** Weighted and normalised counts, a new matrix of the same shape. */
  transform(counts: SparseMatrix): SparseMatrix {
    const { norm, useIdf, sublinearTf } = this.#options;
    const idf = this.idf;
    if (counts.columns !== idf.length) {
      throw new RangeError(
        `counts must have the ${idf.length} columns of the fit, but had ${counts.columns}.`,
      );
    }
    const values = counts.values.slice();
    for (let row = 0; row < counts.rows; row++) {
      const start = counts.rowStarts[row], end = counts.rowStarts[row + 1];
      let size = 0;
      for (let k = start; k < end; k++) {
        if (sublinearTf) values[k] = 1 + Math.log(values[k]);
        if (useIdf) values[k] *= idf[counts.columnIndices[k]];
        size += norm === "l1" ? Math.abs(values[k]) : values[k] ** 2;
      }
      if (norm === null || size === 0) continue;
      const length = norm === "l1" ? size : Math.sqrt(size);
      for (let k = start; k < end; k++) values[k] /= length;
    }
    return { ...counts, values };
  }
}

/**
 * Texts as weighted counts: a {@linkcode CountVectorizer} and a {@linkcode TfidfTransformer}.
 *
 * ```ts
 * import { TfidfVectorizer } from "cutloss/classic/mod.ts";
 *
 * const vectorizer = new TfidfVectorizer({ ngramRange: [1, 2], sublinearTf: true });
 * const train = vectorizer.fitTransform(["let x = 1;", "x <- 1", "x := 1 + x"]);
 * ```
 */
export class TfidfVectorizer {
  readonly #counter: CountVectorizer;
  readonly #transformer: TfidfTransformer;

  constructor(options: CountVectorizerOptions & TfidfOptions = {}) {
    this.#counter = new CountVectorizer(options);
    this.#transformer = new TfidfTransformer(options);
  }

  /** The features in the order of the columns. */
  get features(): readonly string[] {
    return this.#counter.features;
  }

  /** The weight of each feature. */
  get idf(): Float64Array {
    return this.#transformer.idf;
  }

  /** Learns features and weights from texts. */
  fit(texts: readonly string[]): this {
    this.fitTransform(texts);
    return this;
  }

  /** The weighted counts of texts: a matrix [texts, features]. */
  transform(texts: readonly string[]): SparseMatrix {
    return this.#transformer.transform(this.#counter.transform(texts));
  }

  /** {@linkcode fit} and {@linkcode transform} on the same texts. */
  fitTransform(texts: readonly string[]): SparseMatrix {
    const counts = this.#counter.fitTransform(texts);
    return this.#transformer.fit(counts).transform(counts);
  }
}
