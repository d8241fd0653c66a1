/**
 * Safetensors: tensors by name out of the bytes of a file, wherever they come from.
 *
 * ```ts
 * import { encodeSafetensors, parseSafetensors } from "cutloss/files/mod.ts";
 *
 * const bytes = await encodeSafetensors({
 *   "wte.weight": { shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) },
 * });
 * const weight = parseSafetensors(bytes).read("wte.weight"); // { shape: [2, 3], data: Float32Array }
 * ```
 */
import { ARRAYS, type HostTensor } from "./safetensors_arrays.ts";
import {
  BYTES_PER_ELEMENT,
  headerLength,
  parseHeader,
  type SafetensorsEntry,
  SafetensorsError,
  type SafetensorsHeader,
} from "./safetensors_header.ts";

const CHUNK_BYTES = 1 << 24;

/**
 * Fills `out` with a tensor's bytes, from its `offset`-th on.
 *
 * @throws SafetensorsError if they are not there any more
 */
export type ReadTensorBytes = (entry: SafetensorsEntry, offset: number, out: Uint8Array) => void;

/** Tensors by name, read one at a time: a checkpoint may be larger than memory allows twice. */
export class Safetensors implements Disposable {
  #header: SafetensorsHeader;
  #readBytes: ReadTensorBytes;

  /** Made by {@linkcode parseSafetensors}, or by `openSafetensors` of lib/hub. */
  constructor(
    header: SafetensorsHeader,
    readBytes: ReadTensorBytes,
    /** How errors name the file. */
    readonly path: string,
  ) {
    this.#header = header;
    this.#readBytes = readBytes;
  }

  /** Every tensor's dtype, shape and place, in the order of the file. */
  get entries(): ReadonlyMap<string, SafetensorsEntry> {
    return this.#header.entries;
  }

  /** The file's own strings, such as `format`. */
  get metadata(): Readonly<Record<string, string>> {
    return this.#header.metadata;
  }

  /**
   * Reads one tensor.
   *
   * @throws SafetensorsError if there is no such tensor, its dtype has no array in JavaScript, or
   *   the file has become shorter since it was opened
   */
  read(name: string): HostTensor {
    const entry = this.#entry(name);
    const { dtype, shape, begin, end } = entry;
    if (dtype === "F16" || dtype === "BF16") return this.readFloat32(name);
    const ArrayType = ARRAYS[dtype];
    if (!ArrayType) {
      throw new SafetensorsError(`Tensor "${name}" of ${this.path} has dtype ${dtype}, not read.`);
    }
    const buffer = new ArrayBuffer(end - begin);
    this.#readBytes(entry, 0, new Uint8Array(buffer));
    return { shape, data: new ArrayType(buffer) };
  }

  /**
   * Reads one tensor of dtype F32, F16 or BF16 as f32.
   *
   * @throws SafetensorsError if the tensor has another dtype, and as {@linkcode read} does
   */
  readFloat32(name: string): HostTensor<Float32Array<ArrayBuffer>> {
    const entry = this.#entry(name);
    const { dtype, shape, begin, end } = entry;
    if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16") {
      throw new SafetensorsError(
        `Tensor "${name}" of ${this.path} has dtype ${dtype}, expected F32, F16 or BF16.`,
      );
    }
    const data = new Float32Array((end - begin) / BYTES_PER_ELEMENT[dtype]);
    if (dtype === "F32") {
      this.#readBytes(entry, 0, new Uint8Array(data.buffer));
      return { shape, data };
    }
    const chunk = new Uint8Array(Math.min(end - begin, CHUNK_BYTES));
    for (let offset = 0; offset < end - begin; offset += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, end - begin - offset));
      this.#readBytes(entry, offset, part);
      const out = data.subarray(offset / 2, (offset + part.length) / 2);
      if (dtype === "F16") out.set(new Float16Array(part.buffer, 0, out.length));
      else widenBfloat16(new Uint16Array(part.buffer, 0, out.length), out);
    }
    return { shape, data };
  }

  /** There is nothing to close, unless it is a file. */
  [Symbol.dispose](): void {}

  #entry(name: string): SafetensorsEntry {
    const entry = this.entries.get(name);
    if (!entry) {
      const names = [...this.entries.keys()];
      throw new SafetensorsError(
        `${this.path} has no tensor "${name}"; it has ${names.length}: ` +
          `${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}.`,
      );
    }
    return entry;
  }
}

/**
 * The tensors of a safetensors file whose bytes are in memory; the bytes are not copied until a
 * tensor is read.
 *
 * @param path how errors name the file
 * @throws SafetensorsError if the file is malformed, naming what is wrong
 */
export function parseSafetensors(
  bytes: ArrayBuffer | Uint8Array,
  path: string = "The file",
): Safetensors {
  const file = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const length = headerLength(file.subarray(0, 8), file.length, path);
  const data = file.subarray(8 + length);
  const header = parseHeader(file.subarray(8, 8 + length), data.length, path);
  const readBytes: ReadTensorBytes = ({ begin }, offset, out) => {
    const start = begin + offset;
    out.set(data.subarray(start, start + out.length));
  };
  return new Safetensors(header, readBytes, path);
}

/** bfloat16 is the upper half of an f32. */
function widenBfloat16(bits: Uint16Array, out: Float32Array): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
}
