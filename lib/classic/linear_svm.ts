/**
 * A linear support vector machine with squared hinge loss, the model of scikit-learn's
 * `LinearSVC` and of liblinear's L2-regularised L2-loss classifier.
 */
import { bestLabels } from "./class_labels.ts";
import { LinearClassifier, type LinearClassifierOptions } from "./linear_classifier.ts";
import type { SparseMatrix } from "./sparse_matrix.ts";

/** Options of {@linkcode LinearSvm}. */
export type LinearSvmOptions = LinearClassifierOptions;

/**
 * One against the rest: for each class minimises ½‖w‖² + ½b² + C · Σ max(0, 1 − y·(w·x + b))²,
 * where y is 1 for the class's rows and −1 for the others. (The intercept is penalised because
 * liblinear treats it as the weight of a constant feature.) With two classes there is one score,
 * that of the second class.
 *
 * The loss is squared and so differentiable; all classes are minimised together by L-BFGS, which
 * changes nothing, for the objective is a sum over classes.
 */
export class LinearSvm extends LinearClassifier {
  constructor({ C = 1, tolerance = 1e-4, maxIterations = 1000 }: LinearSvmOptions = {}) {
    super({ C, tolerance, maxIterations }, true);
  }

  protected override lossAndErrors(
    scores: Float64Array,
    labels: Uint32Array,
    width: number,
  ): number {
    let loss = 0;
    for (let i = 0; i < scores.length; i++) {
      const column = i % width, label = labels[(i - column) / width];
      const y = label === (width === 1 ? 1 : column) ? 1 : -1;
      const missing = Math.max(0, 1 - y * scores[i]);
      loss += missing ** 2;
      scores[i] = -2 * y * missing;
    }
    return loss;
  }

  /**
   * How far each row lies on a class's side, [rows, classes], or [rows] with two classes.
   *
   * @throws Error if the classifier has not been fitted
   * @throws RangeError if `features` has other columns than at the fit, or a value that is not finite
   */
  decisions(features: SparseMatrix): Float64Array {
    return this.scores(features);
  }

  /**
   * The label of each row with the highest score.
   *
   * @throws Error if the classifier has not been fitted
   * @throws RangeError if `features` has other columns than at the fit, or a value that is not finite
   */
  predict(features: SparseMatrix): string[] {
    const scores = this.decisions(features);
    if (this.classes.length > 2) return bestLabels(scores, this.classes);
    return Array.from(scores, (score) => this.classes[score > 0 ? 1 : 0]);
  }
}
