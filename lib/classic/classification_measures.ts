/**
 * How well labels were predicted; definitions and names are scikit-learn's.
 */

/** Measures of one class. */
export interface ClassMeasures {
  readonly label: string;
  /** Share of the rows predicted to be of the class that are; 0 if there are none. */
  readonly precision: number;
  /** Share of the class's rows that were predicted to be; 0 if there are none. */
  readonly recall: number;
  /** Harmonic mean of precision and recall; 0 if both are. */
  readonly f1: number;
  /** How many rows the class has. */
  readonly support: number;
}

/** Measures over all classes. */
export interface ClassificationMeasures {
  readonly accuracy: number;
  /** Mean of the classes' F1, each counted once. */
  readonly macroF1: number;
  /** Mean of the classes' F1, each counted by its support. */
  readonly weightedF1: number;
  /** In the order of {@linkcode ClassificationMeasures.labels}. */
  readonly classes: readonly ClassMeasures[];
  /** The labels that occur among truths or predictions, sorted, or those that were asked for. */
  readonly labels: readonly string[];
  /** confusion[i][j] counts rows of labels[i] that were predicted to be labels[j]. */
  readonly confusion: readonly (readonly number[])[];
}

/**
 * Compares predictions with the truth.
 *
 * ```ts
 * import { measureClassification } from "cutloss/classic/mod.ts";
 *
 * const { accuracy, confusion } = measureClassification(["a", "b", "b"], ["a", "b", "a"]);
 * console.log(accuracy, confusion); // 0.667, [[1, 0], [1, 1]]
 * ```
 *
 * @param labels the classes and their order; by default those that occur, sorted
 * @throws RangeError if there are no rows, the lists differ in length or have an unlisted label
 */
export function measureClassification(
  truths: readonly string[],
  predictions: readonly string[],
  { labels = [...new Set([...truths, ...predictions])].sort() }: { labels?: readonly string[] } =
    {},
): ClassificationMeasures {
  if (truths.length !== predictions.length || truths.length === 0) {
    throw new RangeError(
      `There must be as many predictions as truths, and some, but there were ` +
        `${predictions.length} and ${truths.length}.`,
    );
  }
  const indexOf = new Map(labels.map((label, i) => [label, i]));
  const confusion = labels.map(() => labels.map(() => 0));
  truths.forEach((truth, row) => {
    const i = indexOf.get(truth), j = indexOf.get(predictions[row]);
    if (i === undefined || j === undefined) {
      throw new RangeError(
        `Row ${row} has the label "${i === undefined ? truth : predictions[row]}", which is not ` +
          `among the labels ${labels.join(", ")}.`,
      );
    }
    confusion[i][j]++;
  });
  const ratio = (part: number, whole: number) => whole === 0 ? 0 : part / whole;
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const classes = labels.map((label, i): ClassMeasures => {
    const support = sum(confusion[i]);
    const predicted = sum(confusion.map((row) => row[i]));
    const right = confusion[i][i];
    return {
      label,
      precision: ratio(right, predicted),
      recall: ratio(right, support),
      f1: ratio(2 * right, support + predicted),
      support,
    };
  });
  return {
    accuracy: sum(labels.map((_, i) => confusion[i][i])) / truths.length,
    macroF1: sum(classes.map(({ f1 }) => f1)) / classes.length,
    weightedF1: sum(classes.map(({ f1, support }) => f1 * support)) / truths.length,
    classes,
    labels,
    confusion,
  };
}
