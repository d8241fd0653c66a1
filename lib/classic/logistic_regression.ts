/**
 * Logistic regression with an L2 penalty, the model of scikit-learn's `LogisticRegression`.
 */
import { bestLabels, checkLabels, indexLabels, softmaxRows } from "./class_labels.ts";
import { minimize } from "./lbfgs.ts";
import { addTransposedProduct, multiply, type SparseMatrix } from "./sparse_matrix.ts";

/** Options of {@linkcode LogisticRegression}. */
export interface LogisticRegressionOptions {
  /** The inverse of the penalty's strength. */
  C?: number;
  /** Stops when no component of the gradient of the mean objective is larger. */
  tolerance?: number;
  maxIterations?: number;
}

/**
 * Minimises C · Σ cross-entropy + ½‖W‖² by L-BFGS; the intercepts are not penalised.
 *
 * With more than two classes the probabilities are the softmax of one linear score per class. With
 * two there is one score, that of the second class against the first, as in scikit-learn.
 */
export class LogisticRegression {
  readonly #C: number;
  readonly #tolerance: number;
  readonly #maxIterations: number;
  #classes: string[] = [];
  /** [features + 1, scores]; the last row holds the intercepts. */
  #weights = new Float64Array();
  #width = 0;
  #converged = false;
  #iterations = 0;

  constructor({ C = 1, tolerance = 1e-4, maxIterations = 100 }: LogisticRegressionOptions = {}) {
    if (!(C > 0)) throw new RangeError(`C must be positive, but was ${C}.`);
    this.#C = C;
    this.#tolerance = tolerance;
    this.#maxIterations = maxIterations;
  }

  /** The labels in the order of the columns of {@linkcode probabilities}. */
  get classes(): readonly string[] {
    return this.#classes;
  }

  /** Weights [features, scores] in row-major order; one score if there are two classes. */
  get coefficients(): Float64Array {
    return this.#weights.subarray(0, this.#weights.length - this.#width);
  }

  /** One intercept per score. */
  get intercepts(): Float64Array {
    return this.#weights.subarray(this.#weights.length - this.#width);
  }

  /** Whether the last fit reached its tolerance, and after how many steps it stopped. */
  get convergence(): { converged: boolean; iterations: number } {
    return { converged: this.#converged, iterations: this.#iterations };
  }

  /** Learns from features [rows, features] and a label for each row. */
  fit(features: SparseMatrix, labels: readonly string[]): this {
    checkLabels(features.rows, labels);
    const { classes, indices } = indexLabels(labels);
    this.#classes = classes;
    const width = this.#width = classes.length === 2 ? 1 : classes.length;
    const { rows, columns } = features;
    const scores = new Float64Array(rows * width);
    // Divided by C · rows the objective has a gradient whose size does not depend on the data's.
    const penalty = 1 / (this.#C * rows);
    const result = minimize(
      (weights, gradient) => {
        multiply(features, weights, width, scores);
        const intercepts = weights.subarray(columns * width);
        for (let i = 0; i < scores.length; i++) scores[i] += intercepts[i % width];
        let loss = width === 1
          ? binaryLossAndErrors(scores, indices)
          : softmaxLossAndErrors(scores, indices, width);
        gradient.fill(0);
        addTransposedProduct(features, scores, width, gradient);
        for (let i = 0; i < scores.length; i++) gradient[columns * width + i % width] += scores[i];
        loss /= rows;
        for (let i = 0; i < gradient.length; i++) gradient[i] /= rows;
        for (let i = 0; i < columns * width; i++) {
          loss += penalty / 2 * weights[i] ** 2;
          gradient[i] += penalty * weights[i];
        }
        return loss;
      },
      new Float64Array((columns + 1) * width),
      { gradientTolerance: this.#tolerance, maxIterations: this.#maxIterations },
    );
    this.#weights = result.x as Float64Array<ArrayBuffer>;
    this.#converged = result.converged;
    this.#iterations = result.iterations;
    return this;
  }

  /** P(class | row), [rows, classes]. */
  probabilities(features: SparseMatrix): Float64Array {
    const scores = this.#scores(features);
    return softmaxRows(scores, this.#classes.length);
  }

  /** The most likely label of each row. */
  predict(features: SparseMatrix): string[] {
    return bestLabels(this.#scores(features), this.#classes);
  }

  /** A score per class; with two classes the first one's is 0. */
  #scores(features: SparseMatrix): Float64Array {
    const width = this.#width, intercepts = this.intercepts;
    const scores = multiply(features, this.#weights, width);
    for (let i = 0; i < scores.length; i++) scores[i] += intercepts[i % width];
    if (width > 1) return scores;
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
