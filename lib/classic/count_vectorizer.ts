/**
 * Texts as counts of their words: scikit-learn's `CountVectorizer`.
 */
import { eachText } from "../text/each_text.ts";
import { type SparseMatrix, SparseMatrixBuilder } from "./sparse_matrix.ts";
import { WORDS } from "./token_patterns.ts";

/** Options of {@linkcode CountVectorizer}; names and defaults are scikit-learn's. */
export interface CountVectorizerOptions {
  /** What a token is: a global regular expression, or a function that cuts a text into tokens. */
  tokens?: RegExp | ((text: string) => string[]);
  /** Whether texts are put in lower case first. */
  lowercase?: boolean;
  /** The shortest and the longest run of tokens that is counted. */
  ngramRange?: readonly [number, number];
  /** The fewest texts a feature must occur in: a number of texts, or a share if less than 1. */
  minDf?: number;
  /** The most texts a feature may occur in: a share up to 1, or a number of texts. */
  maxDf?: number;
  /** How many features are kept, those that occur most often. */
  maxFeatures?: number;
  /** Counts 1 for a feature that occurs, however often. */
  binary?: boolean;
}

/**
 * Learns which features (words or runs of words) there are, and counts them.
 *
 * ```ts
 * import { CountVectorizer } from "cutloss/classic/mod.ts";
 *
 * const vectorizer = new CountVectorizer();
 * const counts = vectorizer.fitTransform(["a red red rose", "a white rose"]);
 * console.log(vectorizer.features); // ["red", "rose", "white"]
 * console.log(counts.values); // 2, 1 (red, rose), 1, 1 (rose, white)
 * ```
 *
 * Differs from scikit-learn in one place: of features that occur equally often, `maxFeatures`
 * keeps those that come first in the alphabet, where scikit-learn's choice depends on its sorting.
 */
export class CountVectorizer {
  readonly #options: Required<Omit<CountVectorizerOptions, "maxFeatures">> & {
    maxFeatures: number | undefined;
  };
  #features: string[] = [];
  #columns: ReadonlyMap<string, number> = new Map();

  constructor(options: CountVectorizerOptions = {}) {
    this.#options = {
      tokens: options.tokens ?? WORDS,
      lowercase: options.lowercase ?? true,
      ngramRange: options.ngramRange ?? [1, 1],
      minDf: options.minDf ?? 1,
      maxDf: options.maxDf ?? 1.0,
      maxFeatures: options.maxFeatures,
      binary: options.binary ?? false,
    };
    const [shortest, longest] = this.#options.ngramRange;
    if (!(shortest >= 1 && longest >= shortest)) {
      throw new RangeError(
        `ngramRange must be [shortest, longest] with 1 ≤ shortest ≤ longest, but was ` +
          `[${shortest}, ${longest}].`,
      );
    }
    const { tokens } = this.#options;
    if (tokens instanceof RegExp && !tokens.global) {
      throw new TypeError(`tokens must be a global regular expression, but was ${tokens}.`);
    }
  }

  /** The features in the order of the columns. */
  get features(): readonly string[] {
    return this.#features;
  }

  /**
   * Learns the features of these texts.
   *
   * @throws TypeError if `texts` is one string, or has an item that is no string
   * @throws RangeError if no feature is left
   */
  fit(texts: readonly string[]): this {
    const occurrences = new Map<string, { total: number; texts: number; last: number }>();
    let count = 0;
    for (const text of eachText(texts)) {
      const i = count++;
      for (const feature of this.analyze(text)) {
        const known = occurrences.get(feature);
        if (!known) occurrences.set(feature, { total: 1, texts: 1, last: i });
        else {
          known.total++;
          if (known.last !== i) {
            known.texts++;
            known.last = i;
          }
        }
      }
    }
    const { minDf, maxDf, maxFeatures, binary } = this.#options;
    const fewest = minDf < 1 ? minDf * count : minDf;
    const most = maxDf <= 1 ? maxDf * count : maxDf;
    let kept = [...occurrences]
      .filter(([, { texts }]) => texts >= fewest && texts <= most)
      .sort(([a], [b]) => compareCodePoints(a, b));
    if (maxFeatures !== undefined && kept.length > maxFeatures) {
      const often = (entry: (typeof kept)[number]) => binary ? entry[1].texts : entry[1].total;
      kept = kept.toSorted((a, b) => often(b) - often(a)).slice(0, maxFeatures)
        .sort(([a], [b]) => compareCodePoints(a, b));
    }
    if (kept.length === 0) {
      throw new RangeError(
        `No feature of the ${count} texts is left: they have no tokens, or minDf and maxDf ` +
          "exclude them all.",
      );
    }
    this.#features = kept.map(([feature]) => feature);
    this.#columns = new Map(this.#features.map((feature, column) => [feature, column]));
    return this;
  }

  /**
   * Counts the learned features in texts: a matrix [texts, features]. Others are ignored.
   *
   * @throws Error if the vectorizer has not been fitted
   * @throws TypeError if `texts` is one string, or has an item that is no string
   */
  transform(texts: readonly string[]): SparseMatrix {
    if (this.#features.length === 0) throw new Error("The vectorizer must be fitted first.");
    const builder = new SparseMatrixBuilder();
    for (const text of eachText(texts)) {
      const counts = new Map<number, number>();
      for (const feature of this.analyze(text)) {
        const column = this.#columns.get(feature);
        if (column === undefined) continue;
        counts.set(column, this.#options.binary ? 1 : (counts.get(column) ?? 0) + 1);
      }
      builder.addRow(counts);
    }
    return builder.build(this.#features.length);
  }

  /** {@linkcode fit} and {@linkcode transform} on the same texts. */
  fitTransform(texts: readonly string[]): SparseMatrix {
    return this.fit(texts).transform(texts);
  }

  /** The features of one text as they come, repetitions included. */
  analyze(text: string): string[] {
    const { tokens: pattern, lowercase, ngramRange: [shortest, longest] } = this.#options;
    const cased = lowercase ? text.toLowerCase() : text;
    const tokens = typeof pattern === "function"
      ? pattern(cased)
      : (cased.match(pattern) as string[] | null) ?? [];
    if (longest === 1) return tokens;
    const features: string[] = [];
    for (let n = shortest; n <= longest; n++) {
      for (let i = 0; i + n <= tokens.length; i++) {
        features.push(n === 1 ? tokens[i] : tokens.slice(i, i + n).join(" "));
      }
    }
    return features;
  }
}

/** Python's order of strings; JavaScript's differs beyond the basic plane. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) {
      // The first unit that differs may be the second half of a pair.
      const start = i > 0 && isHighSurrogate(a.charCodeAt(i - 1)) ? i - 1 : i;
      return a.codePointAt(start)! - b.codePointAt(start)!;
    }
  }
  return a.length - b.length;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
