/** Checks that operations share; the messages name the operation and the argument. */
import type { Gpu } from "../tensor/gpu.ts";
import { kindOf } from "../tensor/kind_of.ts";
import { formatShape, sameShape, type Shape, ShapeError } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

/** An argument of an operation, for messages: `layerNorm(): x`. */
function describe(operation: string, name: string): string {
  return `${operation}(): ${name}`;
}

/** Throws unless it is a tensor; callers in plain JavaScript may give a number or an array. */
function checkTensor(operation: string, name: string, value: unknown): asserts value is Tensor {
  if (value instanceof Tensor) return;
  const isList = ArrayBuffer.isView(value) || Array.isArray(value);
  throw new TypeError(
    `${describe(operation, name)} is ${kindOf(value)}; expected a Tensor${
      isList ? ", which gpu.tensor() makes of it" : ""
    }.`,
  );
}

/** Throws unless all are f32 tensors of one device; `optional` ones may be missing. */
export function checkF32(
  operation: string,
  tensors: Record<string, Tensor>,
  optional: Record<string, Tensor | undefined> = {},
): void {
  let gpu: Gpu | undefined;
  for (const [name, tensor] of Object.entries({ ...tensors, ...optional })) {
    if (tensor === undefined && name in optional) continue;
    checkTensor(operation, name, tensor);
    gpu ??= tensor.gpu;
    if (tensor.gpu !== gpu) {
      throw new TypeError(`${describe(operation, name)} is a tensor of another Gpu.`);
    }
    if (tensor.dtype !== "f32") {
      throw new TypeError(
        `${describe(operation, name)} is a tensor of dtype ${tensor.dtype}; expected f32.`,
      );
    }
  }
}

/** Throws unless the tensor has this shape; `why` completes "expected [2, 3] ...". */
export function checkShapeIs(
  operation: string,
  name: string,
  tensor: Tensor,
  expected: Shape,
  why = "",
): void {
  checkTensor(operation, name, tensor);
  if (!sameShape(tensor.shape, expected)) {
    throw new ShapeError(
      `${describe(operation, name)} has the shape ${formatShape(tensor.shape)}; expected ${
        formatShape(expected)
      }${why ? ` ${why}` : ""}.`,
    );
  }
}

/** Throws unless the tensor has this many dimensions; `layout` names them, as in "[B, T, D]". */
export function checkRank(operation: string, name: string, tensor: Tensor, layout: string): void {
  const rank = layout.split(",").length;
  if (tensor.shape.length !== rank) {
    throw new ShapeError(
      `${describe(operation, name)} has the shape ${
        formatShape(tensor.shape)
      }; expected ${rank} dimensions, ${layout}.`,
    );
  }
}

/** Throws unless the tensor has at least one dimension and no dimension of length 0. */
export function checkNotEmpty(operation: string, name: string, tensor: Tensor): void {
  if (tensor.shape.length === 0 || tensor.size === 0) {
    throw new ShapeError(
      `${describe(operation, name)} has the shape ${
        formatShape(tensor.shape)
      }; expected at least one dimension, each at least 1 long.`,
    );
  }
}

/** The host's copy of an i32 tensor's elements; throws if there is none. */
export function hostInts(operation: string, name: string, tensor: Tensor): Int32Array {
  checkTensor(operation, name, tensor);
  if (tensor.dtype !== "i32") {
    throw new TypeError(
      `${
        describe(operation, name)
      } is a tensor of dtype ${tensor.dtype}; expected i32 (make it from an Int32Array).`,
    );
  }
  if (!tensor.hostInts) {
    throw new TypeError(
      `${describe(operation, name)} has no copy of its integers on the host, which is needed to ` +
        `check and sort them; make it with gpu.tensor(Int32Array), and change it by gpu.write().`,
    );
  }
  return tensor.hostInts;
}

/** Throws unless every integer is in 0 … end − 1; the message names the first offender's place. */
export function checkRange(
  operation: string,
  name: string,
  ints: Int32Array,
  end: number,
  except?: number,
): void {
  for (let i = 0; i < ints.length; i++) {
    if ((ints[i] < 0 || ints[i] >= end) && ints[i] !== except) {
      throw new RangeError(
        `${describe(operation, name)}[${i}] is ${ints[i]}; expected 0 … ${end - 1}${
          except === undefined ? "" : ` or ${except}`
        }.`,
      );
    }
  }
}
