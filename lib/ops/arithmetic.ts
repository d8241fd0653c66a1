/** Sums and products of tensors, element by element. */
import { arithmetic, scale as scaleKernel } from "../../kernels/arithmetic.ts";
import type { Bindable } from "../gpu/device.ts";
import { elementCount, formatShape, ShapeError } from "../tensor/shape.ts";
import { gradientOf } from "../tensor/gradient_place.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32 } from "./check.ts";
import { columnSum } from "./column_sum.ts";
import { runElements } from "./elementwise.ts";

/** Throws unless b's shape is the end of a's. */
function checkBroadcast(operation: string, a: Tensor, b: Tensor): void {
  const end = a.shape.slice(a.shape.length - b.shape.length);
  if (b.shape.length > a.shape.length || end.some((length, i) => length !== b.shape[i])) {
    throw new ShapeError(
      `${operation}(): b has the shape ${formatShape(b.shape)}; expected the last dimensions of ` +
        `a, which has ${formatShape(a.shape)}.`,
    );
  }
}

/** How often b is repeated along a. */
function repeats(a: Tensor, b: Tensor): number {
  return elementCount(a.shape.slice(0, a.shape.length - b.shape.length));
}

/** a ∘ b into a new tensor of a's shape; b is broadcast with `period` elements. */
function combine(
  operation: "+" | "*",
  like: Tensor,
  a: Bindable,
  b: Bindable,
  period: number,
  label: string,
): Tensor {
  const { gpu, shape, size } = like;
  const y = gpu.empty(shape, { label });
  const kernel = arithmetic({ operation, vector: period % 4 === 0 || period === size });
  // Whole tensors are gone over in fours to the end, padding included.
  const params = { period: period === size ? 4 * Math.ceil(size / 4) : period, factor: 1 };
  runElements(gpu, kernel, { a, b, y }, size, params);
  return y;
}

/**
 * a + b.
 *
 * @param a any shape.
 * @param b the shape of a, or of its last dimensions: then it is added to each part of a.
 */
export function add(a: Tensor, b: Tensor): Tensor {
  checkF32("add", { a, b });
  checkBroadcast("add", a, b);
  const { gpu, size } = a;
  const period = b.size, rows = repeats(a, b), { shape } = b;
  const y = combine("+", a, a, b, period, "add");
  record({
    name: "add",
    inputs: [a, b],
    outputs: [y],
    backward: ([dy]) => [
      a.requiresGrad ? dy!.alias() : undefined,
      !b.requiresGrad
        ? undefined
        : period === size
        ? dy!.alias(shape)
        : columnSum(gpu, dy!, rows, period, gradientOf(b)),
    ],
  });
  return y;
}

/**
 * a · b, element by element.
 *
 * @param a any shape.
 * @param b the shape of a, or of its last dimensions: then it multiplies each part of a.
 */
export function mul(a: Tensor, b: Tensor): Tensor {
  checkF32("mul", { a, b });
  checkBroadcast("mul", a, b);
  const { gpu, size } = a;
  const period = b.size, rows = repeats(a, b), { shape } = b;
  const y = combine("*", a, a, b, period, "mul");
  const saved = { a: a.slice, b: b.slice };
  record({
    name: "mul",
    inputs: [a, b],
    outputs: [y],
    saved: [...(b.requiresGrad ? [a] : []), ...(a.requiresGrad ? [b] : [])],
    backward: ([dy]) => {
      const da = a.requiresGrad ? combine("*", dy!, dy!, saved.b, period, "gradient") : undefined;
      if (!b.requiresGrad) return [da, undefined];
      const products = combine("*", dy!, dy!, saved.a, size, "gradient");
      if (period === size && shape.length === products.shape.length) return [da, products];
      using _ = products;
      return [da, columnSum(gpu, products, rows, period, gradientOf(b))];
    },
  });
  return y;
}

/**
 * factor · x.
 *
 * @param x any shape.
 */
export function scale(x: Tensor, factor: number): Tensor {
  checkF32("scale", { x });
  if (!Number.isFinite(factor)) {
    throw new RangeError(`scale(): factor is ${factor}; expected a finite number.`);
  }
  const { gpu, shape, size } = x;
  const scaled = (x: Tensor, label: string) => {
    const y = gpu.empty(shape, { label });
    runElements(gpu, scaleKernel(), { x, y }, size, { factor });
    return y;
  };
  const y = scaled(x, "scale");
  record({
    name: "scale",
    inputs: [x],
    outputs: [y],
    backward: ([dy]) => [scaled(dy!, "gradient")],
  });
  return y;
}
