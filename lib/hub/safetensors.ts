/**
 * Safetensors files: read tensor by tensor, written atomically.
 *
 * ```ts
 * using file = await openSafetensors("model.safetensors");
 * const weight = file.read("wte.weight"); // { shape: [50257, 768], data: Float32Array }
 *
 * await writeSafetensors("model.safetensors", {
 *   "wte.weight": { shape: [50257, 768], data: weight.data },
 * });
 * ```
 *
 * Both directions hold one tensor at a time: a checkpoint may be larger than memory allows twice.
 */
import {
  BYTES_PER_ELEMENT,
  encodeHeader,
  headerLength,
  parseHeader,
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  type SafetensorsHeader,
} from "./safetensors_header.ts";
import { writeAtomically } from "./write_atomically.ts";

export { type SafetensorsDtype, type SafetensorsEntry, SafetensorsError };

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

const ARRAYS: Partial<Record<SafetensorsDtype, new (buffer: ArrayBuffer) => TensorArray>> = {
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

/** Options of {@linkcode writeSafetensors}. */
export interface WriteSafetensorsOptions {
  /** Strings about the file; Hugging Face's loaders want `format: "pt"`, which is the default. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes a safetensors file, in the reference library's order: larger dtypes first, then by name.
 * The file appears under its name only when it is complete.
 *
 * @throws TypeError if a tensor's data does not have as many elements as its shape says, or its
 *   array cannot be written as its dtype
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorToWrite>> | ReadonlyMap<string, TensorToWrite>,
  { metadata = { format: "pt" } }: WriteSafetensorsOptions = {},
): Promise<void> {
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
  let reached = 0;
  const entries: SafetensorsEntry[] = typed.map(({ name, tensor, dtype }) => {
    const begin = reached;
    reached += count(tensor.shape) * BYTES_PER_ELEMENT[dtype];
    return { name, dtype, shape: tensor.shape, begin, end: reached };
  });
  await writeAtomically(path, async (write) => {
    await write(encodeHeader(entries, metadata));
    for (const { name, tensor, dtype } of typed) {
      const data = typeof tensor.data === "function" ? await tensor.data() : tensor.data;
      if (data.length !== count(tensor.shape)) {
        throw new TypeError(
          `Tensor "${name}" has ${data.length} elements, but its shape [${
            tensor.shape.join(", ")
          }] needs ${count(tensor.shape)}.`,
        );
      }
      await write(toBytes(name, data, dtype));
    }
  });
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

function toBytes(name: string, data: TensorArray, dtype: SafetensorsDtype): Uint8Array {
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
