/** Matrix products with their right results, for the tests of products. */
import { assert } from "@std/assert";
import type { Activation } from "../../kernels/matmul.ts";
import type { GpuDevice } from "../../lib/gpu/device.ts";
import type { Product } from "../../lib/tensor/product.ts";
import { normals } from "../losses/reference.ts";

/** What activations are. */
export const functions: Record<Activation, (x: number) => number> = {
  none: (x) => x,
  relu: (x) => Math.max(0, x),
  tanh: Math.tanh,
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  softcap: (x) => 3 * Math.tanh(x / 3),
};

/** The error function by its series: exact to f64 for the small arguments here. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let sum = 0, term = x;
  for (let n = 0; n < 200; n++) {
    sum += term / (2 * n + 1);
    term *= -x * x / (n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}

export interface Case extends
  Pick<
    Product,
    "m" | "n" | "k" | "transposeA" | "transposeB" | "accumulate" | "activation" | "batch" | "alpha"
  > {
  bias?: boolean;
  residual?: boolean;
  /** Elements that memory rows of A, B and Y are longer than the matrices'. */
  gapA?: number;
  gapB?: number;
  gapY?: number;
  /** One B for the whole batch. */
  sharedB?: boolean;
}

/** Host data, strides and the right result of a case. */
export function prepare(x: Case) {
  const { m, n, k, transposeA, transposeB, batch = 1, gapA = 0, gapB = 0, gapY = 0 } = x;
  const normal = normals(m * 7919 + n * 31 + k);
  const [rowsA, widthA] = transposeA ? [k, m] : [m, k];
  const [rowsB, widthB] = transposeB ? [n, k] : [k, n];
  const strideA = widthA + gapA, strideB = widthB + gapB, strideY = n + gapY;
  const batchA = rowsA * strideA, batchB = x.sharedB ? 0 : rowsB * strideB, batchY = m * strideY;
  const random = (length: number) => Float32Array.from({ length }, normal);
  const a = random(batch * batchA), b = random(Math.max(rowsB * strideB, batch * batchB));
  const y = random(batch * batchY), bias = random(n), residual = random(batch * batchY);
  const truth = Float64Array.from(y);
  const f = functions[x.activation ?? "none"];
  for (let z = 0; z < batch; z++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) {
          sum += a[z * batchA + (transposeA ? l * strideA + i : i * strideA + l)] *
            b[z * batchB + (transposeB ? j * strideB + l : l * strideB + j)];
        }
        const at = z * batchY + i * strideY + j;
        truth[at] = f((x.alpha ?? 1) * sum + (x.bias ? bias[j] : 0)) +
          (x.residual ? residual[at] : 0) + (x.accumulate ? y[at] : 0);
      }
    }
  }
  return { a, b, y, bias, residual, truth, strideA, strideB, strideY, batchA, batchB, batchY };
}

/** A product of K terms of size one: errors grow like √K roundings; gelu's erf is good to 2e-7. */
export function assertProduct(
  actual: Float32Array,
  truth: Float64Array,
  k: number,
  what: string,
): void {
  const allowed = 2e-6 + 3e-7 * Math.sqrt(k);
  truth.forEach((x, i) => {
    const error = Math.abs(actual[i] - x);
    assert(error <= allowed * (1 + Math.abs(x)), `${what}: [${i}] is ${actual[i]}, not ${x}`);
  });
}

/** Which operands are stored the other way round: all four. */
export const orientations = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({ transposeA, transposeB }))
);

/** Names of the kernels that `record` runs. */
export function kernelsOf(gpu: GpuDevice, record: () => void): string[] {
  const names: string[] = [];
  const { run } = gpu;
  gpu.run = (kernel, ...rest) => (names.push(kernel.name), run.call(gpu, kernel, ...rest));
  try {
    record();
  } finally {
    gpu.run = run;
  }
  return names;
}
