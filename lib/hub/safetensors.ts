/**
 * Safetensors files: read tensor by tensor, written atomically.
 *
 * ```ts
 * import { openSafetensors, writeSafetensors } from "cutloss/hub/safetensors.ts";
 *
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * await writeSafetensors(path, {
 *   "wte.weight": { shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) },
 * });
 * using file = await openSafetensors(path);
 * const weight = file.read("wte.weight"); // { shape: [2, 3], data: Float32Array }
 * ```
 *
 * Both directions hold one tensor at a time: a checkpoint may be larger than memory allows twice.
 */
import { ARRAYS, type HostTensor, type TensorArray } from "./safetensors_arrays.ts";
import {
  BYTES_PER_ELEMENT,
  headerLength,
  parseHeader,
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  type SafetensorsHeader,
} from "./safetensors_header.ts";

export {
  type HostTensor,
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  type TensorArray,
};
export {
  type TensorToWrite,
  writeSafetensors,
  type WriteSafetensorsOptions,
} from "./write_safetensors.ts";

const CHUNK_BYTES = 1 << 24;

/** An open safetensors file; close it with `using` or {@linkcode SafetensorsFile.close}. */
export class SafetensorsFile implements Disposable {
  #file: Deno.FsFile;
  #dataStart: number;
  #header: SafetensorsHeader;

  /** Made by {@linkcode openSafetensors}. */
  constructor(
    file: Deno.FsFile,
    dataStart: number,
    header: SafetensorsHeader,
    /** The path it was opened with. */
    readonly path: string,
  ) {
    this.#file = file;
    this.#dataStart = dataStart;
    this.#header = header;
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

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

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

  #readBytes(entry: SafetensorsEntry, offset: number, out: Uint8Array): void {
    for (let filled = 0; filled < out.length;) {
      this.#file.seekSync(this.#dataStart + entry.begin + offset + filled, Deno.SeekMode.Start);
      const n = this.#file.readSync(out.subarray(filled, filled + CHUNK_BYTES));
      filled += n ?? 0;
      if (n !== null) continue;
      throw new SafetensorsError(
        `${this.path} ended inside tensor "${entry.name}": it was changed while being read.`,
      );
    }
  }
}

/**
 * Opens a safetensors file and checks its header; reads no tensor yet.
 *
 * @throws SafetensorsError if the file is malformed, naming what is wrong
 * @throws Deno.errors.NotFound if there is no such file
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await Deno.open(path);
  try {
    const { size } = await file.stat();
    const start = new Uint8Array(Math.min(8, size));
    await readFully(file, start);
    const length = headerLength(start, size, path);
    const json = new Uint8Array(length);
    await readFully(file, json);
    const header = parseHeader(json, size - 8 - length, path);
    return new SafetensorsFile(file, 8 + length, header, path);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** All tensors of a safetensors file, by name; see {@linkcode openSafetensors} for one at a time. */
export async function readSafetensors(path: string): Promise<Map<string, HostTensor>> {
  using file = await openSafetensors(path);
  const tensors = new Map<string, HostTensor>();
  for (const name of file.entries.keys()) tensors.set(name, file.read(name));
  return tensors;
}

/** bfloat16 is the upper half of an f32. */
function widenBfloat16(bits: Uint16Array, out: Float32Array): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
}

/** Fills `out` from the file's position; returns fewer than its length at the end of the file. */
async function readFully(file: Deno.FsFile, out: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < out.length) {
    const n = await file.read(out.subarray(filled, filled + CHUNK_BYTES));
    if (n === null) break;
    filled += n;
  }
  return filled;
}
