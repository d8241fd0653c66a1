/**
 * Safetensors files on disk: read tensor by tensor, written atomically.
 *
 * ```ts
 * import { openSafetensors, writeSafetensors } from "cutloss/hub/mod.ts";
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
import {
  safetensorsParts,
  type TensorsToWrite,
  type TensorToWrite,
  type WriteSafetensorsOptions,
} from "../files/encode_safetensors.ts";
import { type ReadTensorBytes, Safetensors } from "../files/safetensors.ts";
import type { HostTensor, TensorArray } from "../files/safetensors_arrays.ts";
import {
  headerLength,
  parseHeader,
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  type SafetensorsHeader,
} from "../files/safetensors_header.ts";
import { writeAtomically } from "./write_atomically.ts";

export {
  type HostTensor,
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  type TensorArray,
  type TensorToWrite,
  type WriteSafetensorsOptions,
};

const CHUNK_BYTES = 1 << 24;

/** An open safetensors file; close it with `using` or {@linkcode SafetensorsFile.close}. */
export class SafetensorsFile extends Safetensors {
  #file: Deno.FsFile;

  /** Made by {@linkcode openSafetensors}. */
  constructor(file: Deno.FsFile, dataStart: number, header: SafetensorsHeader, path: string) {
    super(header, readFrom(file, dataStart, path), path);
    this.#file = file;
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  override [Symbol.dispose](): void {
    this.close();
  }
}

/** Reads tensors' bytes where they lie in a file. */
function readFrom(file: Deno.FsFile, dataStart: number, path: string): ReadTensorBytes {
  return ({ name, begin }, offset, out) => {
    for (let filled = 0; filled < out.length;) {
      file.seekSync(dataStart + begin + offset + filled, Deno.SeekMode.Start);
      const n = file.readSync(out.subarray(filled, filled + CHUNK_BYTES));
      filled += n ?? 0;
      if (n !== null) continue;
      throw new SafetensorsError(
        `${path} ended inside tensor "${name}": it was changed while being read.`,
      );
    }
  };
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

/**
 * Writes a safetensors file, in the reference library's order: larger dtypes first, then by name.
 * The file appears under its name only when it is complete.
 *
 * @throws TypeError if a tensor's data does not have as many elements as its shape says, or its
 *   array cannot be written as its dtype
 */
export async function writeSafetensors(
  path: string,
  tensors: TensorsToWrite,
  options: WriteSafetensorsOptions = {},
): Promise<void> {
  await writeAtomically(path, async (write) => {
    for await (const part of safetensorsParts(tensors, options)) await write(part);
  });
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
