/**
 * Multinomial naive Bayes, as scikit-learn's `MultinomialNB`.
 */
import { bestLabels, checkLabels, indexLabels, softmaxRows } from "./class_labels.ts";
import { checkLikeFit, multiply, type SparseMatrix } from "./sparse_matrix.ts";

/** Options of {@linkcode MultinomialNaiveBayes}. */
export interface NaiveBayesOptions {
  /** Added to every count (Laplace 1, Lidstone less), so that nothing is impossible. */
  alpha?: number;
  /** Whether frequent classes are more likely from the start. */
  fitPrior?: boolean;
}

/**
 * Takes the features of a text for independent draws out of its class's distribution.
 *
 * P(feature | class) = (count in the class + α) / (all counts in the class + α · features).
 */
export class MultinomialNaiveBayes {
  readonly #alpha: number;
  readonly #fitPrior: boolean;
  #classes: string[] = [];
  /** log P(feature | class), [features, classes]. */
  #featureLogs: Float64Array | undefined;
  #priorLogs = new Float64Array();

  constructor({ alpha = 1, fitPrior = true }: NaiveBayesOptions = {}) {
    if (!(alpha > 0)) throw new RangeError(`alpha must be positive, but was ${alpha}.`);
    this.#alpha = alpha;
    this.#fitPrior = fitPrior;
  }

  /** The labels in the order of the columns of {@linkcode probabilities}. */
  get classes(): readonly string[] {
    return this.#classes;
  }

  /**
   * Learns from counts (or weights ≥ 0) [texts, features] and a label for each text.
   *
   * @throws RangeError if there is not a label for each text, if they are all the same, or if a count
   *   is negative or not finite
   */
  fit(counts: SparseMatrix, labels: readonly string[]): this {
    checkLabels(counts.rows, labels);
    const { classes, indices } = indexLabels(labels);
    const width = classes.length;
    const table = new Float64Array(counts.columns * width).fill(this.#alpha);
    const members = new Float64Array(width);
    for (let row = 0; row < counts.rows; row++) {
      members[indices[row]]++;
      for (let k = counts.rowStarts[row]; k < counts.rowStarts[row + 1]; k++) {
        if (!(counts.values[k] >= 0 && counts.values[k] < Infinity)) {
          throw new RangeError(
            `counts must be finite and ≥ 0, but had ${counts.values[k]} in row ${row}, column ` +
              `${counts.columnIndices[k]}.`,
          );
        }
        table[counts.columnIndices[k] * width + indices[row]] += counts.values[k];
      }
    }
    const totals = new Float64Array(width);
    table.forEach((count, i) => totals[i % width] += count);
    this.#classes = classes;
    this.#featureLogs = table.map((count, i) => Math.log(count / totals[i % width]));
    this.#priorLogs = members.map((n) => Math.log(this.#fitPrior ? n / counts.rows : 1 / width));
    return this;
  }

  /**
   * log P(class and text) for each text and class, up to a constant a text: [texts, classes].
   *
   * @throws Error if the classifier has not been fitted
   * @throws RangeError if `counts` has other columns than at the fit, or a value that is not finite
   */
  jointLogLikelihood(counts: SparseMatrix): Float64Array {
    if (!this.#featureLogs) throw new Error("The classifier must be fitted first.");
    const width = this.#classes.length;
    checkLikeFit(counts, this.#featureLogs.length / width, "counts");
    const scores = multiply(counts, this.#featureLogs, width);
    scores.forEach((_, i) => scores[i] += this.#priorLogs[i % width]);
    return scores;
  }

  /**
   * P(class | text), [texts, classes].
   *
   * @throws Error if the classifier has not been fitted
   * @throws RangeError if `counts` has other columns than at the fit, or a value that is not finite
   */
  probabilities(counts: SparseMatrix): Float64Array {
    return softmaxRows(this.jointLogLikelihood(counts), this.#classes.length);
  }

  /**
   * The most likely label of each text.
   *
   * @throws Error if the classifier has not been fitted
   * @throws RangeError if `counts` has other columns than at the fit, or a value that is not finite
   */
  predict(counts: SparseMatrix): string[] {
    return bestLabels(this.jointLogLikelihood(counts), this.#classes);
  }
}
