/** Shapes and element types. */

/** Lengths of the dimensions, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Type of an element on the device. */
export type DType = "f32" | "i32" | "f16";

/** Number of elements. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Bytes of an element. */
export function elementBytes(dtype: DType): number {
  return dtype === "f16" ? 2 : 4;
}

/** For messages: `[2, 3]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, i) => length === b[i]);
}

/** A shape is wrong; the message names the argument, what it was and what was expected. */
export class ShapeError extends TypeError {
  override name = "ShapeError";
}

/** Checks that `shape` has whole, non-negative lengths. */
export function checkShape(name: string, shape: Shape): void {
  for (const length of shape) {
    if (!(Number.isInteger(length) && length >= 0)) {
      throw new ShapeError(
        `${name} has the shape ${
          formatShape(shape)
        }; every length must be a whole number of at least 0.`,
      );
    }
  }
}
