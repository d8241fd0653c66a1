/** The largest difference of two lists of numbers, relative to the largest expected one. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new RangeError(`${actual.length} numbers were compared with ${expected.length}.`);
  }
  let largest = 0, apart = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    apart = Math.max(apart, Math.abs(actual[i] - expected[i]));
    if (Number.isNaN(actual[i])) return NaN;
  }
  return apart / largest;
}
