import { activationGradient, derivativeFromOutput } from "../../kernels/activation.ts";
import { elementCount, formatShape, ShapeError } from "../tensor/shape.ts";
import { independentProducts, type Product, product } from "../tensor/product.ts";
import { gradientOf, gradientPlace } from "../tensor/gradient_place.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { activation as activate } from "./activation.ts";
import { add } from "./arithmetic.ts";
import { checkF32, checkRank, checkShapeIs } from "./check.ts";
import { columnSum } from "./column_sum.ts";
import { runElements } from "./elementwise.ts";

/** What {@linkcode linear} does besides the product. */
export interface LinearOptions {
  /**
   * How the weight is stored: "out,in" is [N, K], PyTorch's `nn.Linear`; "in,out" is [K, N], GPT-2's
   * `Conv1D`.
   */
  weightLayout?: "out,in" | "in,out";
  /** Applied to the product plus bias. */
  activation?: "gelu" | "gelu_tanh" | "relu" | "tanh";
  /** Added last, of the result's shape. */
  residual?: Tensor;
}

/**
 * activation(x · Wᵀ + bias) + residual.
 *
 * Bias and residual are added in the product's kernel; so is the activation, except where its
 * gradient will need what it was applied to.
 *
 * @param x […, K].
 * @param weight [N, K] or [K, N], see {@linkcode LinearOptions.weightLayout}.
 * @param bias [N].
 * @returns […, N].
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  { weightLayout = "out,in", activation, residual }: LinearOptions = {},
): Tensor {
  checkF32("linear", { x, weight }, { bias, residual });
  checkRank("linear", "weight", weight, weightLayout === "out,in" ? "[N, K]" : "[K, N]");
  const outIn = weightLayout === "out,in";
  const [n, k] = outIn ? weight.shape : [weight.shape[1], weight.shape[0]];
  const { gpu, shape } = x;
  if (shape.length === 0 || shape[shape.length - 1] !== k) {
    throw new ShapeError(
      `linear(): x has the shape ${formatShape(shape)}; expected the last dimension ${k}, as ` +
        `weight is ${formatShape(weight.shape)} (${weightLayout}).`,
    );
  }
  const outShape = [...shape.slice(0, -1), n];
  if (bias) checkShapeIs("linear", "bias", bias, [n], "(the outputs of weight)");
  if (residual) checkShapeIs("linear", "residual", residual, outShape, "like the result");
  if (activation && !["gelu", "gelu_tanh", "relu", "tanh"].includes(activation)) {
    const given = JSON.stringify(activation);
    throw new RangeError(
      `linear(): activation is ${given}; expected "gelu", "gelu_tanh", "relu" or "tanh".`,
    );
  }

  const inputs = [x, weight, ...(bias ? [bias] : []), ...(residual ? [residual] : [])];
  const differentiated = gpu.gradEnabled && inputs.some((input) => input.requiresGrad);
  if (activation && differentiated && (residual || !derivativeFromOutput(activation))) {
    using before = linear(x, weight, bias, { weightLayout });
    if (!residual) return activate(activation, before);
    using after = activate(activation, before);
    return add(after, residual);
  }

  const m = elementCount(shape.slice(0, -1));
  const y = gpu.empty(outShape, { label: "linear" });
  product(gpu, { a: x, b: weight, y, m, n, k, transposeB: outIn, bias, activation, residual });
  const saved = { x: x.slice, weight: weight.slice, y: y.slice };
  record({
    name: "linear",
    inputs,
    outputs: [y],
    saved: [
      ...(weight.requiresGrad ? [x] : []),
      ...(x.requiresGrad ? [weight] : []),
      ...(activation ? [y] : []),
    ],
    backward: ([upstream]) => {
      using before = activation ? gpu.empty(outShape, { label: "gradient" }) : undefined;
      if (activation) {
        const bindings = { saved: saved.y, dy: upstream!, dx: before! };
        runElements(gpu, activationGradient({ name: activation }), bindings, m * n);
      }
      const dy = before ?? upstream!;
      let dx: Tensor | undefined, dw: Tensor | undefined;
      const products: Product[] = [];
      if (x.requiresGrad) {
        const { into, accumulate } = gradientPlace(x);
        dx = into;
        const operands = { a: dy, b: saved.weight, y: dx, transposeB: !outIn };
        products.push({ ...operands, m, n: k, k: n, accumulate });
      }
      if (weight.requiresGrad) {
        const { into, accumulate } = gradientPlace(weight);
        dw = into;
        const operands = outIn ? { a: dy, b: saved.x, m: n, n: k } : { a: saved.x, b: dy, m: k, n };
        products.push({ ...operands, y: dw, k: m, transposeA: true, accumulate });
      }
      independentProducts(gpu, products);
      return [
        dx,
        dw,
        ...(bias
          ? [bias.requiresGrad ? columnSum(gpu, dy, m, n, gradientOf(bias)) : undefined]
          : []),
        ...(residual ? [residual.requiresGrad ? upstream!.alias() : undefined] : []),
      ];
    },
  });
  return y;
}
