/** Files in memory. */
import { encodeSafetensors, type TensorsToWrite } from "./encode_safetensors.ts";
import { parseSafetensors, type Safetensors } from "./safetensors.ts";

/** What {@linkcode memoryFiles} gives; it is a `ModelFiles` of lib/nn. */
export interface MemoryFiles {
  /** The bytes of every file by its name. */
  readonly files: Map<string, Uint8Array<ArrayBuffer>>;
  readText(name: string): Promise<string>;
  writeText(name: string, text: string): Promise<void>;
  openTensors(name: string): Promise<Safetensors>;
  writeTensors(name: string, tensors: TensorsToWrite): Promise<void>;
}

/**
 * A model's files in memory: to read what a page was given (`fetch`, a file that was dropped on it),
 * or to hand on what was saved (a download, IndexedDB).
 *
 * ```ts
 * import { Gpt2, Gpu, memoryFiles } from "cutloss";
 *
 * using gpu = await Gpu.open();
 * using model = new Gpt2(gpu, { vocabulary: 9, positions: 8, width: 8, layers: 1, heads: 1 });
 * const saved = memoryFiles();
 * await model.save(saved);
 * const blob = new Blob([saved.files.get("model.safetensors")!]);
 * using same = await Gpt2.load(gpu, saved);
 * ```
 *
 * @param files bytes that are there already; what is written is added to them.
 */
export function memoryFiles(
  files: Map<string, Uint8Array<ArrayBuffer>> = new Map(),
): MemoryFiles {
  const bytesOf = (name: string) => {
    const bytes = files.get(name);
    if (bytes) return Promise.resolve(bytes);
    const names = [...files.keys()].join(", ") || "none";
    return Promise.reject(new Error(`There is no file "${name}" in memory; there are: ${names}.`));
  };
  return {
    files,
    readText: async (name) => new TextDecoder().decode(await bytesOf(name)),
    openTensors: async (name) => parseSafetensors(await bytesOf(name), name),
    writeText(name, text) {
      files.set(name, new TextEncoder().encode(text));
      return Promise.resolve();
    },
    async writeTensors(name, tensors) {
      files.set(name, await encodeSafetensors(tensors));
    },
  };
}
