/** Cross-entropy of a linear layer in f64 on the host, straight from the formulas. */
import type { LinearCrossEntropyOptions } from "../../lib/losses/options.ts";

/** Inputs of the loss on the host. */
export interface HostProblem {
  /** [B, T, D], [V, D], [V] */
  e: Float32Array<ArrayBuffer>;
  c: Float32Array<ArrayBuffer>;
  bias?: Float32Array<ArrayBuffer>;
  targets: Int32Array<ArrayBuffer>;
  /** Sequences and their length; N = b · t. */
  b: number;
  t: number;
  d: number;
  v: number;
}

/** What the loss should give. */
export interface Expected {
  /** Scalar in an array, or one a token. */
  loss: Float64Array;
  lse: Float64Array;
  /** Scalar in an array, or one a token. */
  accuracy: Float64Array;
  dE: Float64Array;
  dC: Float64Array;
  dBias: Float64Array;
}

/**
 * Loss and gradients for upstream gradients `dLoss` (one number, or one a token for "none") and
 * `dLse` (one a token).
 */
export function expected(
  p: HostProblem,
  options: LinearCrossEntropyOptions,
  dLoss: ArrayLike<number> = [1],
  dLse?: ArrayLike<number>,
): Expected {
  const { b, t, d, v } = p;
  const {
    shift = 0,
    softcap,
    ignoreIndex = -100,
    reduction = "mean",
    labelSmoothing = 0,
    zLoss = 0,
    weight,
  } = options;
  const tokens = b * (t - shift);
  const losses = new Float64Array(tokens), lses = new Float64Array(tokens);
  const correct = new Float64Array(tokens);
  const dE = new Float64Array(b * t * d), dC = new Float64Array(v * d), dBias = new Float64Array(v);
  let count = 0, total = 0;
  for (let s = 0; s < b; s++) {
    for (let i = 0; i < t - shift; i++) {
      const target = p.targets[s * t + i + shift];
      if (target !== ignoreIndex) count++, total += weight?.[target] ?? 1;
    }
  }
  const z = new Float64Array(v), slope = new Float64Array(v);
  for (let s = 0; s < b; s++) {
    for (let i = 0; i < t - shift; i++) {
      const target = p.targets[s * t + i + shift], at = s * (t - shift) + i;
      if (target === ignoreIndex) continue;
      const row = (s * t + i) * d;
      const weighs = weight?.[target] ?? 1;
      let max = -Infinity, totalLogit = 0;
      for (let w = 0; w < v; w++) {
        let x = p.bias ? p.bias[w] : 0;
        for (let k = 0; k < d; k++) x += p.e[row + k] * p.c[w * d + k];
        z[w] = softcap ? softcap * Math.tanh(x / softcap) : x;
        slope[w] = softcap ? 1 - (z[w] / softcap) ** 2 : 1;
        if (z[w] > max) max = z[w];
        totalLogit += z[w];
      }
      let sum = 0;
      for (let w = 0; w < v; w++) sum += Math.exp(z[w] - max);
      const lse = max + Math.log(sum);
      lses[at] = lse;
      losses[at] = (1 - labelSmoothing) * (lse - z[target]) + zLoss * lse * lse;
      if (labelSmoothing > 0) losses[at] += labelSmoothing * (lse - totalLogit / v);
      losses[at] *= weighs;
      correct[at] = z[target] >= max ? 1 : 0;
      const g = weighs *
        (reduction === "none" ? dLoss[at] : dLoss[0] / (reduction === "mean" ? total || 1 : 1));
      const h = dLse ? dLse[at] : 0;
      for (let w = 0; w < v; w++) {
        const dz = (g * (1 + 2 * zLoss * lse) + h) * Math.exp(z[w] - lse) -
          (w === target ? g * (1 - labelSmoothing) : 0) - g * labelSmoothing / v;
        const dx = dz * slope[w];
        dBias[w] += dx;
        for (let k = 0; k < d; k++) {
          dE[row + k] += dx * p.c[w * d + k];
          dC[w * d + k] += dx * p.e[row + k];
        }
      }
    }
  }
  const reduced = (values: Float64Array, divisor: number) => {
    if (reduction === "none") return values;
    const sum = values.reduce((x, y) => x + y, 0);
    return Float64Array.of(reduction === "mean" ? sum / (divisor || 1) : sum);
  };
  const [loss, accuracy] = [reduced(losses, total), reduced(correct, count)];
  return { loss, lse: lses, accuracy, dE, dC, dBias };
}

/** A seeded generator of standard normals (Box and Muller over a linear congruence). */
export function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * Random inputs as in the tests of Apple's cut_cross_entropy: E = N(0, 1/D), C = N(0, 1), half of
 * C's rows copied into E so that some tokens are confident; one fifth of the targets ignored.
 */
export function randomProblem(
  { b = 1, t, v, d, bias = false, ignored = false, seed = 1 }: {
    b?: number;
    t: number;
    v: number;
    d: number;
    bias?: boolean;
    ignored?: boolean;
    seed?: number;
  },
): HostProblem {
  const normal = normals(seed), n = b * t;
  const uniform = () => {
    const x = Math.abs(normal()) * 1e4;
    return x - Math.floor(x);
  };
  const e = Float32Array.from({ length: n * d }, () => normal() / Math.sqrt(d));
  const c = Float32Array.from({ length: v * d }, normal);
  for (let i = 0; i < n; i += 2) e.set(c.subarray((i % v) * d, (i % v) * d + d), i * d);
  return {
    e,
    c,
    bias: bias ? Float32Array.from({ length: v }, () => 0.5 * normal()) : undefined,
    targets: Int32Array.from(
      { length: n },
      (_, i) =>
        ignored && uniform() < 0.2
          ? -100
          : i % 2 === 0 && uniform() < 0.5
          ? i % v
          : Math.floor(uniform() * v),
    ),
    b,
    t,
    d,
    v,
  };
}
