/**
 * The mean of a few measurements and how far it might be from that of many.
 */
import type { Interval } from "./bootstrap.ts";

/**
 * The mean with Student's interval: mean ± t · s / √n, where t is the quantile of the t-distribution
 * with n − 1 degrees of freedom. It supposes independent, roughly normal measurements, such as the
 * results of trainings that differ in their seed.
 *
 * ```ts
 * import { meanInterval } from "cutloss/classic/mod.ts";
 *
 * console.log(meanInterval([0.81, 0.83, 0.82])); // 0.82, from 0.795 to 0.845
 * ```
 *
 * @param values at least two
 * @param confidence how often such intervals hold the true mean
 */
export function meanInterval(
  values: readonly number[],
  { confidence = 0.95 }: { confidence?: number } = {},
): Interval {
  const n = values.length;
  if (n < 2) throw new RangeError(`values must have two numbers at least, but had ${n}.`);
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`confidence must be between 0 and 1, but was ${confidence}.`);
  }
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  const reach = studentQuantile(0.5 + confidence / 2, n - 1) * Math.sqrt(variance / n);
  return { value: mean, low: mean - reach, high: mean + reach };
}

/**
 * The value below which a t-distributed variable stays with the given probability, which must be
 * at least one half. Relative error about 1e-9.
 */
export function studentQuantile(probability: number, degreesOfFreedom: number): number {
  // t = √ν · tan θ turns the distribution's integral into one of cos^(ν−1), without an end at ∞.
  const below = cumulativeCosine(degreesOfFreedom - 1);
  const whole = below(Math.PI / 2);
  let low = 0, high = Math.PI / 2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (0.5 + below(middle) / whole / 2 < probability) low = middle;
    else high = middle;
  }
  return Math.sqrt(degreesOfFreedom) * Math.tan((low + high) / 2);
}

/** θ ↦ ∫₀^θ cosᵏ, by its recursion: ∫cosᵏ = cosᵏ⁻¹·sin / k + (k − 1)/k · ∫cosᵏ⁻². */
function cumulativeCosine(power: number): (angle: number) => number {
  return (angle) => {
    const cos = Math.cos(angle), sin = Math.sin(angle);
    let integral = power % 2 === 0 ? angle : sin;
    for (let k = power % 2 === 0 ? 2 : 3; k <= power; k += 2) {
      integral = cos ** (k - 1) * sin / k + (k - 1) / k * integral;
    }
    return integral;
  };
}
