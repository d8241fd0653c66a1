/** Checks gradients of an operation against differences of its values. */
import type { Gpu } from "./gpu.ts";
import { formatShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** How {@linkcode checkGradient} compares. */
export interface CheckGradientOptions {
  /**
   * How far an element is moved to both sides, and twice as far (default 2⁻⁵). Larger steps lose
   * less to the rounding of f32 values, smaller ones see less of the function's bends.
   */
  step?: number;
  /** A gradient may be off by absolute + relative · |difference quotient| (default 1e-3, 1e-2). */
  absolute?: number;
  relative?: number;
  /** Elements of each input that are moved, spread evenly (default 16). */
  probes?: number;
}

/** What {@linkcode checkGradient} found, when all was right. */
export interface GradientCheck {
  /** Elements compared. */
  compared: number;
  /** The largest error in parts of the allowed one. */
  worst: number;
}

/** A gradient does not fit the values; the message names the input and the element. */
export class GradientError extends Error {
  override name = "GradientError";
}

/**
 * Compares the gradients that `backward()` gives with difference quotients of the values.
 *
 * The function's result y of any shape becomes a number by fixed random weights, s = Σ w·y, summed
 * on the host in f64. For an element x and a step h the quotients D(h) = (s(x + h) − s(x − h)) / 2h
 * and D(2h) are combined to (4·D(h) − D(2h)) / 3, whose error is of order h⁴ (Richardson's
 * extrapolation), so that h may be large enough for values of f32. All values are read with one
 * wait. Where the function has a kink, no step is right: keep inputs away from it.
 *
 * @param fn from tensors like `inputs` to one tensor; called 4 × `probes` times for each input, under
 *   `noGrad()`, and once on the tape. It must give the same for the same input.
 * @param inputs f32 leaves; those that require a gradient are checked, and their `grad` is left as it was.
 * @throws {GradientError} naming the input, the element and both values.
 *
 * @example
 * ```ts
 * import { checkGradient, Gpu } from "cutloss";
 * import { gelu, matmul } from "cutloss/ops/mod.ts";
 *
 * using gpu = await Gpu.open();
 * using a = gpu.tensor([0.1, -0.2, 0.3, 0.4, 0.5, -0.6], [2, 3], { requiresGrad: true });
 * using b = gpu.tensor([1, 0.5, -1, 0.2, 0.3, 0.7], [3, 2], { requiresGrad: true });
 * console.log(await checkGradient((a, b) => gelu(matmul(a, b)), [a, b]));
 * ```
 */
export async function checkGradient(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: CheckGradientOptions = {},
): Promise<GradientCheck> {
  const { step: h = 2 ** -5, absolute = 1e-3, relative = 1e-2, probes = 16 } = options;
  const checked = inputs.filter((input) => input.requiresGrad);
  if (checked.length === 0) {
    throw new TypeError("checkGradient() was given no input that requires a gradient.");
  }
  for (const { node, dtype, label, requiresGrad } of inputs) {
    if (node) throw new TypeError(`checkGradient() needs leaves; "${label}" was computed.`);
    if (dtype !== "f32" && requiresGrad) {
      throw new TypeError(`checkGradient() needs f32; "${label}" is ${dtype}.`);
    }
  }
  const { gpu } = inputs[0];
  const { gradients, weights } = await byBackward(gpu, fn, inputs);
  const values = await gpu.read(checked);

  const moved: { input: number; element: number }[] = [], results: Tensor[] = [];
  let sums: number[];
  try {
    {
      // Not while waiting: what others make meanwhile is theirs, and on the tape.
      using _scope = gpu.scope();
      using _noGrad = gpu.noGrad();
      checked.forEach((input, number) => {
        const data = values[number], count = Math.min(probes, data.length);
        for (let probe = 0; probe < count; probe++) {
          const element = Math.floor(probe * data.length / count), x = data[element];
          moved.push({ input: number, element });
          for (const by of [h, -h, 2 * h, -2 * h]) {
            data[element] = x + by;
            using changed = gpu.tensor(data, input.shape, { label: input.label });
            const y = fn(...inputs.map((other) => other === input ? changed : other));
            results.push(y.alias().keep());
          }
          data[element] = x;
        }
      });
    }
    sums = (await gpu.read(results)).map((y) =>
      y.reduce((sum, value, i) => sum + value * weights[i], 0)
    );
  } finally {
    for (const y of results) y.dispose();
  }

  let worst = 0;
  moved.forEach(({ input, element }, i) => {
    const x = values[input][element];
    // x ± h as f32 has it is not quite h away.
    const width = (by: number) => Math.fround(x + by) - Math.fround(x - by);
    const quotient = (4 * (sums[4 * i] - sums[4 * i + 1]) / width(h) -
      (sums[4 * i + 2] - sums[4 * i + 3]) / width(2 * h)) / 3;
    const gradient = gradients[input]?.[element] ?? 0;
    const allowed = absolute + relative * Math.abs(quotient);
    const error = Math.abs(gradient - quotient) / allowed;
    if (!(error <= 1)) {
      const { label, shape } = checked[input];
      throw new GradientError(
        `The gradient of input ${inputs.indexOf(checked[input])} ("${label}" ` +
          `${formatShape(shape)}), element ${element}, is ${gradient}; differences of the values ` +
          `give ${quotient} ± ${allowed}.`,
      );
    }
    worst = Math.max(worst, error);
  });
  return { compared: moved.length, worst };
}

/** Gradients by the tape, for random weights of the result's elements. */
async function byBackward(
  gpu: Gpu,
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
): Promise<{ gradients: (Float32Array | undefined)[]; weights: Float32Array }> {
  // Leaves of our own, so that gradients the caller has are not added to.
  const leaves = inputs.map((input) => {
    const leaf = input.alias().keep();
    leaf.requiresGrad = input.requiresGrad;
    return leaf;
  });
  try {
    let weights: Float32Array<ArrayBuffer>;
    {
      using _scope = gpu.scope();
      using _grad = gpu.withGrad();
      const y = fn(...leaves);
      weights = Float32Array.from({ length: y.size }, (_, i) => {
        const bits = Math.imul(i + 1, 0x9e3779b1) >>> 0;
        return (0.5 + bits / 2 ** 33) * (bits & 256 ? 1 : -1);
      });
      y.backward(gpu.tensor(weights, y.shape));
    }
    const found = leaves.filter((leaf) => leaf.grad);
    const read = await gpu.read(found.map((leaf) => leaf.grad!));
    const gradients = leaves
      .filter((leaf) => leaf.requiresGrad)
      .map((leaf) => leaf.grad && read[found.indexOf(leaf)]);
    return { gradients, weights };
  } finally {
    for (const leaf of leaves) leaf.dispose();
  }
}
