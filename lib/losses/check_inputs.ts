/** What is passed to the loss, checked before anything is allocated. */
import type { Gpu } from "../tensor/gpu.ts";
import { formatShape, type Shape, ShapeError } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Throws unless it is a tensor of numbers with a fraction, on E's device. */
export function checkFloat(name: string, tensor: Tensor, gpu?: Gpu): void {
  if (!(tensor instanceof Tensor)) {
    throw new TypeError(`${name} is ${typeof tensor}; expected a Tensor.`);
  }
  if (tensor.dtype === "i32") {
    throw new TypeError(`${name} has the dtype i32; expected f32 or f16.`);
  }
  if (gpu && tensor.gpu !== gpu) {
    throw new TypeError(`${name} is a tensor of another Gpu; expected that of e.`);
  }
}

/** Whether E and C are f16; both must be, or neither. */
export function checkHalf(e: Tensor, c: Tensor): boolean {
  if (e.dtype !== c.dtype) {
    throw new TypeError(
      `e has the dtype ${e.dtype} and c has ${c.dtype}; expected both f32 or both f16.`,
    );
  }
  if (e.dtype === "f16" && !e.gpu.features.has("shader-f16")) {
    throw new TypeError(
      `e and c are f16, for which a device needs the feature "shader-f16"; ` +
        `${e.gpu.adapter.description} does not grant it: use f32.`,
    );
  }
  return e.dtype === "f16";
}

/** Throws unless there is a weight for each of `v` classes. */
export function checkWeight(weight: ArrayLike<number>, v: number): void {
  if (typeof weight.length !== "number") {
    throw new TypeError(`weight is ${weight.constructor?.name}; expected an array of V numbers.`);
  }
  if (weight.length !== v) {
    throw new ShapeError(`weight has ${weight.length} elements; expected V = ${v}.`);
  }
  for (let i = 0; i < v; i++) {
    if (!(weight[i] >= 0 && Number.isFinite(weight[i]))) {
      throw new RangeError(`weight[${i}] is ${weight[i]}; expected a number of at least 0.`);
    }
  }
}

/** The targets as numbers on the host, one for each row of an e of these leading dimensions. */
export function hostTargets(
  targets: Tensor | Int32Array,
  leading: Shape,
  eShape: Shape,
): Int32Array {
  const expected = () =>
    `expected int32 of shape ${formatShape(leading)}, that of e ${formatShape(eShape)} without D`;
  if (targets instanceof Tensor) {
    if (targets.dtype !== "i32") {
      throw new TypeError(`targets has the dtype ${targets.dtype}; ${expected()}.`);
    }
    if (targets.shape.length !== leading.length || targets.shape.some((x, i) => x !== leading[i])) {
      throw new ShapeError(`targets has the shape ${formatShape(targets.shape)}; ${expected()}.`);
    }
    if (!targets.hostInts) {
      throw new TypeError(
        "targets was not written from the host, or something else has written to it since; make it with " +
          "gpu.tensor(Int32Array) or pass the array.",
      );
    }
    return targets.hostInts;
  }
  if (!(targets instanceof Int32Array)) {
    const kind = (targets as { constructor?: { name: string } } | undefined)?.constructor?.name;
    throw new TypeError(
      `targets is ${
        kind ?? typeof targets
      }; ${expected()}: a Tensor or an Int32Array, for instance ` +
        `Int32Array.from(targets, Number).`,
    );
  }
  const count = leading.reduce((a, b) => a * b, 1);
  if (targets.length !== count) {
    throw new ShapeError(`targets has ${targets.length} elements; ${expected()}.`);
  }
  return targets;
}
