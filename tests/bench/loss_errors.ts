/**
 * How far each way to the loss is from the truth: the same batch in f64 on the host.
 *
 * The batch is a few rows of E spread over all of them, and all of C. Its numbers are rounded to eight
 * significant bits, which f32, f16 and bfloat16 all hold: every type starts from the same inputs, and
 * what is measured is the arithmetic. tests/bench/linear_cross_entropy_peers.py does the same.
 */
import type { LanguageModelData } from "../../lib/data/language_model.ts";
import { type Gpu, linearCrossEntropy, type LinearCrossEntropyOptions } from "../../lib/mod.ts";
import { expected } from "../losses/reference.ts";

/** |x − truth| / |truth|, of all elements together. */
export interface LossErrors {
  loss: number;
  dE: number;
  dC: number;
}

/** A batch and its true loss and gradients. */
export interface TrueBatch {
  e: Float32Array<ArrayBuffer>;
  c: Float32Array<ArrayBuffer>;
  targets: Int32Array<ArrayBuffer>;
  n: number;
  v: number;
  d: number;
  loss: number;
  dE: Float64Array;
  dC: Float64Array;
}

/** Rounded to nearest as bfloat16 does, and then to what f16 holds of it. */
export function toEightBits(values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(values.slice().buffer);
  for (let i = 0; i < bits.length; i++) {
    bits[i] = (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) & 0xffff0000;
  }
  return Float32Array.from(new Float16Array(new Float32Array(bits.buffer)));
}

/** `count` rows of a batch, in eight bits, with the true loss and gradients of their mean. */
export function trueBatch(
  data: LanguageModelData,
  { n, v, d }: { n: number; v: number; d: number },
  count: number,
): TrueBatch {
  const rows = Math.min(count, n);
  const e = new Float32Array(rows * d), targets = new Int32Array(rows);
  for (let i = 0; i < rows; i++) {
    const row = Math.floor(i * n / rows);
    e.set(data.e.subarray(row * d, (row + 1) * d), i * d);
    targets[i] = data.targets[row];
  }
  const batch = { e: toEightBits(e), c: toEightBits(data.c), targets, v, d };
  const { loss, dE, dC } = expected({ ...batch, b: 1, t: rows }, {});
  return { ...batch, n: rows, loss: loss[0], dE, dC };
}

/** The errors of one way; with `half` its inputs are f16. */
export async function errorsOf(
  gpu: Gpu,
  batch: TrueBatch,
  options: LinearCrossEntropyOptions,
  half: boolean,
): Promise<LossErrors> {
  const { n, v, d } = batch;
  const typed = (x: Float32Array) => half ? new Float16Array(x) : x;
  using e = gpu.tensor(typed(batch.e), [n, d], { label: "e", requiresGrad: true });
  using c = gpu.tensor(typed(batch.c), [v, d], { label: "c", requiresGrad: true });
  using loss = linearCrossEntropy(e, c, batch.targets, options);
  loss.backward();
  const [value, dE, dC] = await gpu.read([loss, e.grad!, c.grad!]);
  return {
    loss: relativeError(value, [batch.loss]),
    dE: relativeError(dE, batch.dE),
    dC: relativeError(dC, batch.dC),
  };
}

/** |x − truth| / |truth| in the Euclidean norm. */
export function relativeError(x: ArrayLike<number>, truth: ArrayLike<number>): number {
  let difference = 0, size = 0;
  for (let i = 0; i < truth.length; i++) {
    difference += (x[i] - truth[i]) ** 2;
    size += truth[i] ** 2;
  }
  return Math.sqrt(difference / size);
}
