/**
 * A linear support vector machine with squared hinge loss, the model of scikit-learn's
 * `LinearSVC` and of liblinear's L2-regularised L2-loss classifier.
 */
import { bestLabels, checkLabels, indexLabels } from "./class_labels.ts";
import { minimize } from "./lbfgs.ts";
import { addTransposedProduct, multiply, type SparseMatrix } from "./sparse_matrix.ts";

/** Options of {@linkcode LinearSvm}. */
export interface LinearSvmOptions {
  /** The inverse of the penalty's strength. */
  C?: number;
  /** Stops when no component of the gradient of the mean objective is larger. */
  tolerance?: number;
  maxIterations?: number;
}

/**
 * One against the rest: for each class minimises ½‖w‖² + ½b² + C · Σ max(0, 1 − y·(w·x + b))²,
 * where y is 1 for the class's rows and −1 for the others. (The intercept is penalised because
 * liblinear treats it as the weight of a constant feature.) With two classes there is one score,
 * that of the second class.
 *
 * The loss is squared and so differentiable; all classes are minimised together by L-BFGS, which
 * changes nothing, for the objective is a sum over classes.
 */
export class LinearSvm {
  readonly #C: number;
  readonly #tolerance: number;
  readonly #maxIterations: number;
  #classes: string[] = [];
  /** [features + 1, scores]; the last row holds the intercepts. */
  #weights = new Float64Array();
  #width = 0;

  constructor({ C = 1, tolerance = 1e-4, maxIterations = 1000 }: LinearSvmOptions = {}) {
    if (!(C > 0)) throw new RangeError(`C must be positive, but was ${C}.`);
    this.#C = C;
    this.#tolerance = tolerance;
    this.#maxIterations = maxIterations;
  }

  /** The labels in the order of the columns of {@linkcode decisions}. */
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

  /** Learns from features [rows, features] and a label for each row. */
  fit(features: SparseMatrix, labels: readonly string[]): this {
    checkLabels(features.rows, labels);
    const { classes, indices } = indexLabels(labels);
    this.#classes = classes;
    const width = this.#width = classes.length === 2 ? 1 : classes.length;
    const { rows, columns } = features;
    const scores = new Float64Array(rows * width);
    const penalty = 1 / (this.#C * rows);
    const { x } = minimize(
      (weights, gradient) => {
        multiply(features, weights, width, scores);
        let loss = 0;
        for (let i = 0; i < scores.length; i++) {
          const column = i % width, label = indices[(i - column) / width];
          const y = label === (width === 1 ? 1 : column) ? 1 : -1;
          const missing = Math.max(0, 1 - y * (scores[i] + weights[columns * width + column]));
          loss += missing ** 2 / rows;
          scores[i] = -2 * y * missing / rows;
        }
        gradient.fill(0);
        addTransposedProduct(features, scores, width, gradient);
        for (let i = 0; i < scores.length; i++) gradient[columns * width + i % width] += scores[i];
        for (let i = 0; i < weights.length; i++) {
          loss += penalty / 2 * weights[i] ** 2;
          gradient[i] += penalty * weights[i];
        }
        return loss;
      },
      new Float64Array((columns + 1) * width),
      { gradientTolerance: this.#tolerance, maxIterations: this.#maxIterations },
    );
    this.#weights = x as Float64Array<ArrayBuffer>;
    return this;
  }

  /** How far each row lies on a class's side, [rows, classes], or [rows] with two classes. */
  decisions(features: SparseMatrix): Float64Array {
    const intercepts = this.intercepts;
    const scores = multiply(features, this.#weights, this.#width);
    for (let i = 0; i < scores.length; i++) scores[i] += intercepts[i % this.#width];
    return scores;
  }

  /** The label of each row with the highest score. */
  predict(features: SparseMatrix): string[] {
    const scores = this.decisions(features);
    if (this.#width > 1) return bestLabels(scores, this.#classes);
    return Array.from(scores, (score) => this.#classes[score > 0 ? 1 : 0]);
  }
}
