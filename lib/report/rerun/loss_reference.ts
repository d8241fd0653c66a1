/** The loss of a language model by its definition, in 64-bit arithmetic. */

/** What {@linkcode lossReference} gives. */
export interface LossReference {
  loss: number;
  /** [N, D]: gradient of E. */
  de: Float64Array;
  /** [V, D]: gradient of C. */
  dc: Float64Array;
}

/**
 * Mean over the tokens that count of ln Σ_v exp(e·c_v) − e·c_target, and its gradients
 * (softmax(E·Cᵀ) − onehot)·C and (softmax(E·Cᵀ) − onehot)ᵀ·E, divided by their number.
 *
 * @param e [N, D]
 * @param c [V, D]
 * @param targets [N]; negative ones do not count
 */
export function lossReference(
  e: ArrayLike<number>,
  c: ArrayLike<number>,
  targets: ArrayLike<number>,
  d: number,
): LossReference {
  const n = e.length / d, v = c.length / d;
  const de = new Float64Array(n * d), dc = new Float64Array(v * d), z = new Float64Array(v);
  const counting = Array.from(targets).filter((target) => target >= 0).length;
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const target = targets[i];
    if (target < 0) continue;
    let max = -Infinity, sum = 0;
    for (let w = 0; w < v; w++) {
      z[w] = 0;
      for (let k = 0; k < d; k++) z[w] += e[i * d + k] * c[w * d + k];
      max = Math.max(max, z[w]);
    }
    for (let w = 0; w < v; w++) sum += Math.exp(z[w] - max);
    loss += max + Math.log(sum) - z[target];
    for (let w = 0; w < v; w++) {
      const dz = (Math.exp(z[w] - max) / sum - (w === target ? 1 : 0)) / counting;
      for (let k = 0; k < d; k++) {
        de[i * d + k] += dz * c[w * d + k];
        dc[w * d + k] += dz * e[i * d + k];
      }
    }
  }
  return { loss: loss / counting, de, dc };
}
