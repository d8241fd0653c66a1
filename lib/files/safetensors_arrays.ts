/**
 * Which typed array holds the numbers of which dtype of a safetensors file.
 */
import type { SafetensorsDtype } from "./safetensors_header.ts";

/** What a tensor's numbers become in memory: F16 and BF16 are widened to f32, BOOL is 0 or 1. */
export type TensorArray =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>;

/** A tensor on the host: `data` in row-major order of `shape`. */
export interface HostTensor<Data = TensorArray> {
  readonly shape: readonly number[];
  readonly data: Data;
}

/** The arrays of the dtypes that have one; F16 and BF16 are widened instead. */
export const ARRAYS: Partial<Record<SafetensorsDtype, new (buffer: ArrayBuffer) => TensorArray>> = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};
