/** What linear classifiers share: weights, an L2 penalty, and learning by L-BFGS. */
import { checkLabels, indexLabels } from "./class_labels.ts";
import { minimize } from "./lbfgs.ts";
import { addTransposedProduct, multiply, type SparseMatrix } from "./sparse_matrix.ts";

/** Options of linear classifiers. */
export interface LinearClassifierOptions {
  /** The inverse of the penalty's strength. */
  C?: number;
  /** Stops when no component of the gradient of the mean objective is larger. */
  tolerance?: number;
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
  #weights = new Float64Array();
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
    return this.#convergence;
  }

  /** Learns from features [rows, features] and a label for each row. */
  fit(features: SparseMatrix, labels: readonly string[]): this {
    checkLabels(features.rows, labels);
    const { classes, indices } = indexLabels(labels);
    this.#classes = classes;
    const width = this.#width = classes.length === 2 ? 1 : classes.length;
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
    this.#weights = x as Float64Array<ArrayBuffer>;
    this.#convergence = { converged, iterations };
    return this;
  }

  /** [rows, classes], or [rows] with two classes. */
  protected scores(features: SparseMatrix): Float64Array {
    const scores = multiply(features, this.#weights, this.#width);
    addIntercepts(scores, this.intercepts);
    return scores;
  }
}

function addIntercepts(scores: Float64Array, intercepts: Float64Array): void {
  for (let i = 0; i < scores.length; i++) scores[i] += intercepts[i % intercepts.length];
}
