/**
 * Logistic regression with an L2 penalty, the model of scikit-learn's `LogisticRegression`.
 */
import { bestLabels, softmaxRows } from "./class_labels.ts";
import { LinearClassifier, type LinearClassifierOptions } from "./linear_classifier.ts";
import type { SparseMatrix } from "./sparse_matrix.ts";

/** Options of {@linkcode LogisticRegression}. */
export type LogisticRegressionOptions = LinearClassifierOptions;

/**
 * Minimises C · Σ cross-entropy + ½‖W‖² by L-BFGS; the intercepts are not penalised.
 *
 * With more than two classes the probabilities are the softmax of one linear score per class. With
 * two there is one score, that of the second class against the first, as in scikit-learn.
 */
export class LogisticRegression extends LinearClassifier {
  constructor({ C = 1, tolerance = 1e-4, maxIterations = 100 }: LogisticRegressionOptions = {}) {
    super({ C, tolerance, maxIterations }, false);
  }

  protected override lossAndErrors(
    scores: Float64Array,
    labels: Uint32Array,
    width: number,
  ): number {
    return width === 1
      ? binaryLossAndErrors(scores, labels)
      : softmaxLossAndErrors(scores, labels, width);
  }

  /**
   * P(class | row), [rows, classes].
   *
   * @throws Error if the classifier has not been fitted
   * @throws RangeError if `features` has other columns than at the fit, or a value that is not finite
   */
  probabilities(features: SparseMatrix): Float64Array {
    return softmaxRows(this.#classScores(features), this.classes.length);
  }

  /**
   * The most likely label of each row.
   *
   * @throws Error if the classifier has not been fitted
   * @throws RangeError if `features` has other columns than at the fit, or a value that is not finite
   */
  predict(features: SparseMatrix): string[] {
    return bestLabels(this.#classScores(features), this.classes);
  }

  /** A score per class; with two classes the first one's is 0. */
  #classScores(features: SparseMatrix): Float64Array {
    const scores = this.scores(features);
    if (this.classes.length !== 2) return scores;
    return Float64Array.from({ length: 2 * features.rows }, (_, i) => i % 2 ? scores[i >> 1] : 0);
  }
}

/** Σ −log P(label); replaces the scores by P(class) − [class is the label]. */
function softmaxLossAndErrors(scores: Float64Array, labels: Uint32Array, width: number): number {
  let loss = 0;
  for (let row = 0; row < labels.length; row++) {
    const start = row * width;
    let max = -Infinity;
    for (let c = 0; c < width; c++) max = Math.max(max, scores[start + c]);
    const target = scores[start + labels[row]] - max;
    let sum = 0;
    for (let c = 0; c < width; c++) sum += scores[start + c] = Math.exp(scores[start + c] - max);
    for (let c = 0; c < width; c++) scores[start + c] /= sum;
    scores[start + labels[row]] -= 1;
    loss += Math.log(sum) - target;
  }
  return loss;
}

/** The same for one score per row, that of class 1 against class 0. */
function binaryLossAndErrors(scores: Float64Array, labels: Uint32Array): number {
  let loss = 0;
  for (let row = 0; row < labels.length; row++) {
    const score = scores[row];
    // log(1 + e^s) without overflow.
    loss += Math.max(score, 0) + Math.log1p(Math.exp(-Math.abs(score))) - labels[row] * score;
    scores[row] = 1 / (1 + Math.exp(-score)) - labels[row];
  }
  return loss;
}
