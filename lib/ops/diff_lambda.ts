import { diffLambda as kernel, diffLambdaGradient } from "../../kernels/diff_lambda.ts";
import { formatShape, ShapeError } from "../tensor/shape.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32 } from "./check.ts";

/**
 * λ = exp(a₁·b₁) − exp(a₂·b₂) + initial: the factor with which differential attention subtracts its
 * second map, in the form in which it is learned (Ye et al., "Differential Transformer", 2024,
 * equation 2, where the vectors are λ_q1, λ_k1, λ_q2 and λ_k2).
 *
 * Vectors that are all zero stay so: each one's gradient is a multiple of its partner.
 *
 * @param vectors a₁, b₁, a₂ and b₂ behind one another: [4, d], or [4·d].
 * @param initial λ_init, the value while both exponentials are equal.
 * @returns [1].
 */
export function diffLambda(vectors: Tensor, initial: number): Tensor {
  checkF32("diffLambda", { vectors });
  const { gpu, shape, size } = vectors;
  if (size === 0 || size % 4 !== 0 || shape.length > 2 || (shape.length === 2 && shape[0] !== 4)) {
    throw new ShapeError(
      `diffLambda(): vectors has the shape ${formatShape(shape)}; expected [4, d] or [4·d].`,
    );
  }
  if (!Number.isFinite(initial)) {
    throw new RangeError(`diffLambda(): initial is ${initial}; expected a finite number.`);
  }
  const width = size / 4;
  const lambda = gpu.empty([1], { label: "lambda" });
  using exponentials = gpu.empty([2], { label: "exponentials of lambda" });
  gpu.run(kernel(), { vectors, lambda, exponentials }, { width, initial }, [1]);
  const saved = { vectors: vectors.slice, exponentials: exponentials.slice };
  record({
    name: "diffLambda",
    inputs: [vectors],
    outputs: [lambda],
    saved: [vectors, exponentials],
    backward: ([dlambda]) => {
      const dvectors = gpu.empty(shape, { label: "gradient" });
      const bindings = { ...saved, dlambda: dlambda!, dvectors };
      gpu.run(diffLambdaGradient(), bindings, { width }, [Math.ceil(size / 64)]);
      return [dvectors];
    },
  });
  return lambda;
}
