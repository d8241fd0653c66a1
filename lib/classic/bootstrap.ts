/**
 * How far a measured value might be from that of other samples of the same size.
 */
import { Random } from "../data/random.ts";

/** A value and the interval that holds it with the stated confidence. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Options of {@linkcode bootstrap}. */
export interface BootstrapOptions {
  /** How often the sample is drawn again. */
  resamples?: number;
  /** The share of resampled values inside the interval. */
  confidence?: number;
  /** The same seed gives the same intervals. */
  seed?: number;
}

/**
 * Percentile bootstrap intervals (Efron 1979) of measures that are functions of sums.
 *
 * The rows are drawn again, with replacement, `resamples` times, the same draws for every measure.
 *
 * @param rows what each item of the sample adds to the sums
 * @param measures from the sums over a sample and its size to a number
 * @returns the intervals under the measures' names
 * @throws RangeError if there are no rows
 */
export function bootstrap<Name extends string>(
  rows: readonly (readonly number[])[],
  measures: Readonly<Record<Name, (sums: readonly number[], size: number) => number>>,
  { resamples = 1000, confidence = 0.95, seed = 0 }: BootstrapOptions = {},
): Record<Name, Interval> {
  if (rows.length === 0) throw new RangeError("A bootstrap needs at least one row, but had none.");
  const random = new Random(seed).fork("bootstrap");
  const names = Object.keys(measures) as Name[];
  const size = rows.length;
  const all: number[] = new Array(rows[0].length).fill(0);
  for (const row of rows) row.forEach((x, i) => all[i] += x);
  const drawn = new Map(names.map((name) => [name, new Float64Array(resamples)]));
  for (let r = 0; r < resamples; r++) {
    const sums: number[] = new Array(all.length).fill(0);
    for (let i = 0; i < size; i++) {
      const row = rows[random.below(size)];
      for (let k = 0; k < sums.length; k++) sums[k] += row[k];
    }
    for (const name of names) drawn.get(name)![r] = measures[name](sums, size);
  }
  return Object.fromEntries(names.map((name) => {
    const values = drawn.get(name)!.sort();
    const at = (share: number) => values[Math.round(share * (resamples - 1))];
    return [name, {
      value: measures[name](all, size),
      low: at((1 - confidence) / 2),
      high: at((1 + confidence) / 2),
    }];
  })) as Record<Name, Interval>;
}
