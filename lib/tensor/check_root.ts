import { formatShape, sameShape, ShapeError } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Throws unless `backward()` can begin at `root`.
 *
 * @throws {Error} if no gradient can flow back from it.
 * @throws {TypeError} if the upstream gradient is not f32, or of another Gpu.
 * @throws {ShapeError} if the upstream gradient is not of its shape, or missing where it is no scalar.
 */
export function checkRoot(root: Tensor, upstream: Tensor | undefined): void {
  if (!root.requiresGrad) {
    throw new Error(
      `backward() was called on "${root.label}", which does not depend on any tensor that ` +
        `requires a gradient (or its tape has already been consumed)${
          root.gpu.gradEnabled ? "" : "; recording is off, since a noGrad() is still open"
        }.`,
    );
  }
  if (upstream) {
    if (upstream.dtype !== "f32" || upstream.gpu !== root.gpu) {
      throw new TypeError(
        `backward() was given an upstream gradient of ${
          upstream.gpu === root.gpu ? `dtype ${upstream.dtype}` : "another Gpu"
        }; expected f32, of the Gpu of "${root.label}".`,
      );
    }
    if (!sameShape(upstream.shape, root.shape)) {
      throw new ShapeError(
        `backward() was given an upstream gradient of shape ${formatShape(upstream.shape)}; ` +
          `"${root.label}" has ${formatShape(root.shape)}.`,
      );
    }
  } else if (root.size !== 1) {
    throw new ShapeError(
      `backward() without an upstream gradient needs a scalar; "${root.label}" has the shape ${
        formatShape(root.shape)
      }.`,
    );
  }
}
