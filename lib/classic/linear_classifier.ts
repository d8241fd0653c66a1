/** What linear classifiers share: weights, an L2 penalty, and learning by L-BFGS. */
import { checkLabels, indexLabels } from "./class_labels.ts";
import { minimize } from "./lbfgs.ts";
import {
  addTransposedProduct,
  checkFinite,
  checkLikeFit,
  multiply,
  type SparseMatrix,
} from "./sparse_matrix.ts";

/** Options of linear classifiers. */
export interface LinearClassifierOptions {
  /** The inverse of the penalty's strength. */
  C?: number;
  /** Stops when no component of the gradient of the mean objective is larger. */
  tolerance?: number;
  /** Stops after so many steps, a whole number ≥ 1. */
  maxIterations?: number;
}

/**
 * Minimises C · Σ loss + ½‖W‖² by L-BFGS. There is one score for each class, or, with two classes,
 * one score, that of the second.
 */
export abstract class LinearClassifier {
  readonly #options: Required<LinearClassifierOptions>;
  readonly #penalisesIntercepts: boolean;
  #classes: string[] = [];
  /** [features + 1, scores]; the last row holds the intercepts. */
  #weights: Float64Array | undefined;
  #width = 0;
  #convergence = { converged: false, iterations: 0 };

  /** @param penalisesIntercepts whether ‖W‖² counts the intercepts. */
  constructor(options: Required<LinearClassifierOptions>, penalisesIntercepts: boolean) {
    const { C } = options;
    if (!(C > 0)) throw new RangeError(`C must be positive, but was ${C}.`);
    this.#options = options;
    this.#penalisesIntercepts = penalisesIntercepts;
  }

  /**
   * The loss of all rows; replaces each score by the loss's derivative with respect to it.
   *
   * @param scores [rows, width].
   * @param labels number of each row's class.
   */
  protected abstract lossAndErrors(
    scores: Float64Array,
    labels: Uint32Array,
    width: number,
  ): number;

  /** The labels in the order of the columns of what is predicted. */
  get classes(): readonly string[] {
    return this.#classes;
  }

  /**
   * Weights [features, scores] in row-major order; one score if there are two classes.
   *
   * @throws Error if the classifier has not been fitted
   */
  get coefficients(): Float64Array {
    const weights = this.#fitted();
    return weights.subarray(0, weights.length - this.#width);
  }

  /**
   * One intercept per score.
   *
   * @throws Error if the classifier has not been fitted
   */
  get intercepts(): Float64Array {
    const weights = this.#fitted();
    return weights.subarray(weights.length - this.#width);
  }

  /** Whether the last fit reached its tolerance, and after how many steps it stopped. */
  get convergence(): { converged: boolean; iterations: number } {
    return this.#convergence;
  }

  /**
   * Learns from features [rows, features] and a label for each row.
   *
   * @throws RangeError if there is not a label for each row, if they are all the same, if a feature
   *   is not finite, or if `maxIterations` is no whole number ≥ 1
   */
  fit(features: SparseMatrix, labels: readonly string[]): this {
    checkLabels(features.rows, labels);
    checkFinite(features, "features");
    const { classes, indices } = indexLabels(labels);
    const width = classes.length === 2 ? 1 : classes.length;
    const { rows, columns } = features;
    const { C, tolerance, maxIterations } = this.#options;
    const scores = new Float64Array(rows * width);
    // Divided by C · rows the objective has a gradient whose size does not depend on the data's.
    const penalty = 1 / (C * rows);
    const penalised = (this.#penalisesIntercepts ? columns + 1 : columns) * width;
    const { x, converged, iterations } = minimize(
      (weights, gradient) => {
        multiply(features, weights, width, scores);
        addIntercepts(scores, weights.subarray(columns * width));
        let loss = this.lossAndErrors(scores, indices, width) / rows;
        gradient.fill(0);
        addTransposedProduct(features, scores, width, gradient);
        for (let i = 0; i < scores.length; i++) gradient[columns * width + i % width] += scores[i];
        for (let i = 0; i < gradient.length; i++) gradient[i] /= rows;
        for (let i = 0; i < penalised; i++) {
          loss += penalty / 2 * weights[i] ** 2;
          gradient[i] += penalty * weights[i];
        }
        return loss;
      },
      new Float64Array((columns + 1) * width),
      { gradientTolerance: tolerance, maxIterations },
    );
    this.#classes = classes;
    this.#width = width;
    this.#weights = x;
    this.#convergence = { converged, iterations };
    return this;
  }

  /**
   * [rows, classes], or [rows] with two classes.
   *
   * @throws Error if the classifier has not been fitted
   * @throws RangeError if `features` has other columns than at the fit, or a value that is not finite
   */
  protected scores(features: SparseMatrix): Float64Array {
    const weights = this.#fitted();
    checkLikeFit(features, weights.length / this.#width - 1, "features");
    const scores = multiply(features, weights, this.#width);
    addIntercepts(scores, this.intercepts);
    return scores;
  }

  #fitted(): Float64Array {
    if (!this.#weights) throw new Error("The classifier must be fitted first.");
    return this.#weights;
  }
}

function addIntercepts(scores: Float64Array, intercepts: Float64Array): void {
  for (let i = 0; i < scores.length; i++) scores[i] += intercepts[i % intercepts.length];
}
