/** How the next token is drawn from a model's logits. */
export interface SamplingOptions {
  /** Logits are divided by it: below 1 likely tokens become likelier (default 1). */
  temperature?: number;
  /** Only the k likeliest tokens (and those as likely as the k-th) can be drawn (default: all). */
  topK?: number;
  /** Only the likeliest tokens that have this probability together can be drawn (default 1: all). */
  topP?: number;
}

/**
 * Probabilities of tokens after temperature, top-k and top-p, in this order; as transformers'
 * warpers (nucleus sampling: Holtzman et al., "The curious case of neural text degeneration", 2020).
 */
export function tokenProbabilities(
  logits: ArrayLike<number>,
  { temperature = 1, topK, topP = 1 }: SamplingOptions = {},
): Float64Array {
  if (!(temperature > 0)) {
    throw new RangeError(`temperature is ${temperature}; expected a positive number.`);
  }
  if (topK !== undefined && !(Number.isSafeInteger(topK) && topK >= 1)) {
    throw new RangeError(`topK is ${topK}; expected a whole number of at least 1.`);
  }
  if (!(topP > 0 && topP <= 1)) throw new RangeError(`topP is ${topP}; expected 0 < topP ≤ 1.`);
  const values = Float64Array.from(logits, (x) => x / temperature);
  if (topK !== undefined && topK < values.length) {
    const least = values.slice().sort()[values.length - topK];
    for (let i = 0; i < values.length; i++) if (values[i] < least) values[i] = -Infinity;
  }
  const probabilities = softmax(values);
  if (topP === 1) return probabilities;
  const order = [...probabilities.keys()].filter((i) => probabilities[i] > 0)
    .sort((a, b) => probabilities[a] - probabilities[b]);
  // The unlikeliest go as long as together they have no more than 1 - p; the likeliest stays.
  let gone = 0;
  for (const i of order.slice(0, -1)) {
    gone += probabilities[i];
    if (gone > 1 - topP) break;
    values[i] = -Infinity;
  }
  return softmax(values);
}

/** exp(x) / Σ exp(x). */
function softmax(values: Float64Array): Float64Array {
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const result = values.map((x) => Math.exp(x - most));
  const sum = result.reduce((a, b) => a + b, 0);
  return result.map((x) => x / sum);
}
