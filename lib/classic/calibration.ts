/**
 * Whether predictions made with 80% confidence are right 80% of the time.
 */

/** Predictions of similar confidence. */
export interface CalibrationBin {
  /** The bin's edges; it holds confidences above `from` and up to `to`, the first one also 0. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** The mean of their confidences; NaN if there are none. */
  readonly confidence: number;
  /** The share of them that are right; NaN if there are none. */
  readonly accuracy: number;
}

/** A reliability diagram's numbers. */
export interface Calibration {
  readonly bins: readonly CalibrationBin[];
  /** Mean of |accuracy − confidence| over bins, weighted by count (Guo et al. 2017, equation 3). */
  readonly expectedCalibrationError: number;
}

/**
 * Sorts predictions by confidence into bins of equal width.
 *
 * @param confidences the probability given to each prediction, from 0 to 1
 * @param right whether each prediction is right
 */
export function calibrationOf(
  confidences: ArrayLike<number>,
  right: ArrayLike<boolean>,
  { bins: count = 10 }: { bins?: number } = {},
): Calibration {
  if (confidences.length !== right.length) {
    throw new RangeError(
      `There must be as many confidences as predictions, but there were ${confidences.length} and ` +
        `${right.length}.`,
    );
  }
  const totals = Array.from({ length: count }, () => ({ count: 0, confidence: 0, right: 0 }));
  for (let i = 0; i < confidences.length; i++) {
    const confidence = confidences[i];
    if (!(confidence >= 0 && confidence <= 1 + 1e-9)) {
      throw new RangeError(`Confidences must be from 0 to 1, but number ${i} was ${confidence}.`);
    }
    const bin = totals[Math.min(count - 1, Math.max(0, Math.ceil(confidence * count) - 1))];
    bin.count++;
    bin.confidence += confidence;
    if (right[i]) bin.right++;
  }
  const bins = totals.map((bin, i): CalibrationBin => ({
    from: i / count,
    to: (i + 1) / count,
    count: bin.count,
    confidence: bin.confidence / bin.count,
    accuracy: bin.right / bin.count,
  }));
  const filled = bins.filter((bin) => bin.count > 0);
  const gap = filled.reduce((sum, b) => sum + b.count * Math.abs(b.accuracy - b.confidence), 0);
  return { bins, expectedCalibrationError: gap / Math.max(1, confidences.length) };
}

/** The highest probability in each row of [rows, classes]. */
export function confidencesOf(probabilities: ArrayLike<number>, classes: number): Float64Array {
  return Float64Array.from({ length: probabilities.length / classes }, (_, row) => {
    let max = 0;
    for (let c = 0; c < classes; c++) max = Math.max(max, probabilities[row * classes + c]);
    return max;
  });
}
