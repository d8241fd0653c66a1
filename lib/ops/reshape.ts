import { elementCount, formatShape, type Shape, ShapeError } from "../tensor/shape.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * The same elements in another shape; no memory is copied.
 *
 * @param x any shape.
 * @param shape with the same product; one length may be −1 and is worked out.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = elementCount(shape.filter((length) => length !== -1));
  const resolved = shape.map((length) => length === -1 && known > 0 ? x.size / known : length);
  if (
    elementCount(resolved) !== x.size || resolved.some((n) => !(Number.isInteger(n) && n >= 0))
  ) {
    throw new ShapeError(
      `reshape(): x has the shape ${formatShape(x.shape)}, ${x.size} elements; they do not fit ${
        formatShape(shape)
      }.`,
    );
  }
  const y = x.alias(resolved);
  record({
    name: "reshape",
    inputs: [x],
    outputs: [y],
    backward: ([dy]) => [dy!.alias(x.shape)],
  });
  return y;
}
