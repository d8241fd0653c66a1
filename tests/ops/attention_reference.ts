/** Attention in f64, by the formula, with gradients by the chain rule: the reference for tests. */

/** Sizes and mask of a problem. */
export interface ReferenceProblem {
  batch: number;
  timeQ: number;
  timeK: number;
  heads: number;
  widthQk: number;
  widthV: number;
  scale?: number;
  /** Whether a query of a sequence sees a key. */
  visible?: (b: number, query: number, key: number) => boolean;
}

/** Softmax weights [Tq, Tk] of one head of one sequence; rows that see nothing are 0. */
export function weights(
  q: Float64Array,
  k: Float64Array,
  p: ReferenceProblem,
  b: number,
  h: number,
): Float64Array {
  const { timeQ, timeK, heads, widthQk: d, visible = () => true } = p;
  const scale = p.scale ?? 1 / Math.sqrt(d);
  const w = new Float64Array(timeQ * timeK);
  for (let i = 0; i < timeQ; i++) {
    const row = w.subarray(i * timeK, (i + 1) * timeK).fill(-Infinity);
    for (let j = 0; j < timeK; j++) {
      if (!visible(b, i, j)) continue;
      let sum = 0;
      for (let c = 0; c < d; c++) {
        sum += q[((b * timeQ + i) * heads + h) * d + c] * k[((b * timeK + j) * heads + h) * d + c];
      }
      row[j] = scale * sum;
    }
    const most = row.reduce((a, x) => Math.max(a, x), -Infinity);
    if (most === -Infinity) {
      row.fill(0);
      continue;
    }
    let total = 0;
    row.forEach((x, j) => total += row[j] = Math.exp(x - most));
    row.forEach((x, j) => row[j] = x / total);
  }
  return w;
}

/** Σ over maps of signs[m] · softmax(q_m·k_mᵀ)·v, as [B, Tq, H, dv]. */
export function attentionReference(
  maps: readonly { q: Float64Array; k: Float64Array; factor: number }[],
  v: Float64Array,
  p: ReferenceProblem,
): Float64Array {
  const { batch, timeQ, timeK, heads, widthV } = p;
  const y = new Float64Array(batch * timeQ * heads * widthV);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (const { q, k, factor } of maps) {
        const w = weights(q, k, p, b, h);
        for (let i = 0; i < timeQ; i++) {
          const at = ((b * timeQ + i) * heads + h) * widthV;
          for (let j = 0; j < timeK; j++) {
            const share = factor * w[i * timeK + j];
            const from = ((b * timeK + j) * heads + h) * widthV;
            for (let c = 0; c < widthV; c++) y[at + c] += share * v[from + c];
          }
        }
      }
    }
  }
  return y;
}
