/**
 * The bytes of safetensors files.
 */
import { ARRAYS, type TensorArray } from "./safetensors_arrays.ts";
import {
  BYTES_PER_ELEMENT,
  encodeHeader,
  type SafetensorsDtype,
  type SafetensorsEntry,
} from "./safetensors_header.ts";

/** A tensor to write. */
export interface TensorToWrite {
  readonly shape: readonly number[];
  /**
   * The numbers, or a function that fetches them when their turn comes (from the GPU, say), so
   * that only one tensor is held in memory; without a `dtype` the function must fetch f32.
   */
  readonly data: TensorArray | (() => TensorArray | Promise<TensorArray>);
  /** What it becomes in the file. F16 rounds f32 to nearest; the default is the array's own type. */
  readonly dtype?: SafetensorsDtype;
}

/** What is written besides tensors. */
export interface WriteSafetensorsOptions {
  /** Strings about the file; Hugging Face's loaders want `format: "pt"`, which is the default. */
  metadata?: Readonly<Record<string, string>>;
}

/** Tensors by the names they get in the file. */
export type TensorsToWrite =
  | Readonly<Record<string, TensorToWrite>>
  | ReadonlyMap<string, TensorToWrite>;

/**
 * The bytes of a safetensors file in the reference library's order (larger dtypes first, then by
 * name), part by part: one tensor is held at a time.
 *
 * @throws TypeError if a tensor's data does not have as many elements as its shape says, or its
 *   array cannot be written as its dtype
 */
export async function* safetensorsParts(
  tensors: TensorsToWrite,
  options: WriteSafetensorsOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { header, typed } = layOut(tensors, options);
  yield header;
  for (const { name, tensor, dtype } of typed) {
    const data = typeof tensor.data === "function" ? await tensor.data() : tensor.data;
    if (data.length !== count(tensor.shape)) {
      throw new TypeError(
        `Tensor "${name}" has ${data.length} elements, but its shape [${
          tensor.shape.join(", ")
        }] needs ${count(tensor.shape)}.`,
      );
    }
    yield toBytes(name, data, dtype);
  }
}

/** The same as one array. */
export async function encodeSafetensors(
  tensors: TensorsToWrite,
  options: WriteSafetensorsOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { header, dataBytes } = layOut(tensors, options);
  const bytes = new Uint8Array(header.length + dataBytes);
  let at = 0;
  for await (const part of safetensorsParts(tensors, options)) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Which tensor goes where, in the reference library's order. */
function layOut(
  tensors: TensorsToWrite,
  { metadata = { format: "pt" } }: WriteSafetensorsOptions,
) {
  const named = [...(tensors instanceof Map ? tensors : Object.entries(tensors))] as [
    string,
    TensorToWrite,
  ][];
  const typed = named.map(([name, tensor]) => ({
    name,
    tensor,
    dtype: dtypeToWrite(name, tensor),
  }));
  typed.sort((a, b) =>
    DTYPE_ORDER.indexOf(a.dtype) - DTYPE_ORDER.indexOf(b.dtype) ||
    (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  );
  let dataBytes = 0;
  const entries: SafetensorsEntry[] = typed.map(({ name, tensor, dtype }) => {
    const begin = dataBytes;
    dataBytes += count(tensor.shape) * BYTES_PER_ELEMENT[dtype];
    return { name, dtype, shape: tensor.shape, begin, end: dataBytes };
  });
  return { header: encodeHeader(entries, metadata), typed, dataBytes };
}

/** The reference library sorts by descending alignment, in this order of its dtypes. */
const DTYPE_ORDER: SafetensorsDtype[] = ["U64", "I64", "F64", "F32", "U32", "I32", "BF16", "F16"]
  .concat(["U16", "I16", "I8", "U8", "BOOL"]) as SafetensorsDtype[];

function dtypeToWrite(name: string, { data, dtype }: TensorToWrite): SafetensorsDtype {
  if (dtype) {
    if (ARRAYS[dtype] || dtype === "F16") return dtype;
    throw new TypeError(`Tensor "${name}" cannot be written as ${dtype}.`);
  }
  if (typeof data === "function") return "F32";
  for (const [dtype, ArrayType] of Object.entries(ARRAYS)) {
    if (data instanceof ArrayType) return dtype as SafetensorsDtype;
  }
  throw new TypeError(`Tensor "${name}" has data of an unknown kind: expected a typed array.`);
}

function toBytes(
  name: string,
  data: TensorArray,
  dtype: SafetensorsDtype,
): Uint8Array<ArrayBuffer> {
  const ArrayType = ARRAYS[dtype];
  if (ArrayType && data instanceof ArrayType) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (dtype === "F16" && data instanceof Float32Array) {
    return new Uint8Array(new Float16Array(data).buffer);
  }
  throw new TypeError(
    `Tensor "${name}" holds a ${data.constructor.name}, which cannot be written as ${dtype}.`,
  );
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
