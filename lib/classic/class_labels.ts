/**
 * Class labels as numbers.
 */

/** The different labels, sorted, and the index among them of each label. */
export function indexLabels(labels: readonly string[]): {
  classes: string[];
  indices: Uint32Array;
} {
  const classes = [...new Set(labels)].sort();
  const indexOf = new Map(classes.map((label, i) => [label, i]));
  return { classes, indices: Uint32Array.from(labels, (label) => indexOf.get(label)!) };
}

/** Checks that there is a label for each row and that there are two classes at least. */
export function checkLabels(rows: number, labels: readonly string[]): void {
  if (labels.length !== rows) {
    throw new RangeError(
      `There must be ${rows} labels, one a row, but there were ${labels.length}.`,
    );
  }
  if (new Set(labels).size < 2) {
    throw new RangeError(
      `Labels must have two different values at least, but had ${new Set(labels).size}.`,
    );
  }
}

/** The label with the highest score in each row of a dense [rows, classes]. */
export function bestLabels(scores: Float64Array, classes: readonly string[]): string[] {
  const width = classes.length;
  return Array.from({ length: scores.length / width }, (_, row) => {
    let best = 0;
    for (let c = 1; c < width; c++) {
      if (scores[row * width + c] > scores[row * width + best]) best = c;
    }
    return classes[best];
  });
}

/** Replaces each row of scores by its softmax, in place. */
export function softmaxRows(scores: Float64Array, width: number): Float64Array {
  for (let start = 0; start < scores.length; start += width) {
    let max = -Infinity;
    for (let c = 0; c < width; c++) max = Math.max(max, scores[start + c]);
    let sum = 0;
    for (let c = 0; c < width; c++) sum += scores[start + c] = Math.exp(scores[start + c] - max);
    for (let c = 0; c < width; c++) scores[start + c] /= sum;
  }
  return scores;
}
