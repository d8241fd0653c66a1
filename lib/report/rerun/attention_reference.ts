/** Causal attention with one map or with a difference of two, by its definition, in 64-bit arithmetic. */

/** Shapes of attention. */
export interface AttentionShape {
  time: number;
  heads: number;
  /** Width of queries and keys. */
  d: number;
  /** Width of values. */
  dv: number;
}

/** One attention map: queries and keys of [T, H, d], and what the map is multiplied by. */
export interface AttentionMap {
  q: ArrayLike<number>;
  k: ArrayLike<number>;
  factor: number;
}

/** What {@linkcode attentionReference} gives. */
export interface AttentionReference {
  /** [T, H, dv]. */
  y: Float64Array;
  /** Gradients of the sum of y · dy: of each map's queries, keys and factor, and of the values. */
  maps: { dq: Float64Array; dk: Float64Array; dfactor: number }[];
  dv: Float64Array;
}

/**
 * y = (Σ_m factor_m · softmax(q_m·k_mᵀ/√d)) · v for every head, where a query sees the keys up to its
 * own place, and the gradients for an upstream gradient dy of y's shape.
 */
export function attentionReference(
  maps: readonly AttentionMap[],
  v: ArrayLike<number>,
  dy: ArrayLike<number>,
  { time, heads, d, dv }: AttentionShape,
): AttentionReference {
  const y = new Float64Array(time * heads * dv), gradientV = new Float64Array(time * heads * dv);
  const gradients = maps.map(() => ({
    dq: new Float64Array(time * heads * d),
    dk: new Float64Array(time * heads * d),
    dfactor: 0,
  }));
  /** Product of two rows, each at its place in time, of `width` numbers a head. */
  const dot = (
    a: ArrayLike<number>,
    i: number,
    b: ArrayLike<number>,
    j: number,
    head: number,
    width: number,
  ) => {
    const from = (i * heads + head) * width, to = (j * heads + head) * width;
    let sum = 0;
    for (let k = 0; k < width; k++) sum += a[from + k] * b[to + k];
    return sum;
  };
  /** into[i] += factor · row[j]. */
  const add = (
    into: Float64Array,
    i: number,
    factor: number,
    row: ArrayLike<number>,
    j: number,
    head: number,
    width: number,
  ) => {
    const from = (j * heads + head) * width, to = (i * heads + head) * width;
    for (let k = 0; k < width; k++) into[to + k] += factor * row[from + k];
  };
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < time; i++) {
      const upstream = Array.from({ length: i + 1 }, (_, j) => dot(dy, i, v, j, head, dv));
      for (const [m, { q, k, factor }] of maps.entries()) {
        const scores = upstream.map((_, j) => dot(q, i, k, j, head, d) / Math.sqrt(d));
        const max = Math.max(...scores);
        const powers = scores.map((score) => Math.exp(score - max));
        const sum = powers.reduce((a, b) => a + b);
        const p = powers.map((power) => power / sum);
        const mean = p.reduce((total, share, j) => total + share * upstream[j], 0);
        gradients[m].dfactor += mean;
        for (let j = 0; j <= i; j++) {
          add(y, i, factor * p[j], v, j, head, dv);
          add(gradientV, j, factor * p[j], dy, i, head, dv);
          const ds = factor * p[j] * (upstream[j] - mean) / Math.sqrt(d);
          add(gradients[m].dq, i, ds, k, j, head, d);
          add(gradients[m].dk, j, ds, q, i, head, d);
        }
      }
    }
  }
  return { y, maps: gradients, dv: gradientV };
}
