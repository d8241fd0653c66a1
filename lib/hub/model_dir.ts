/**
 * A folder that holds a model as Hugging Face's libraries write it.
 *
 * The shapes of what it takes and gives are those of `ModelFiles` in lib/nn, which reads and writes
 * models without knowing of files.
 */
import {
  openSafetensors,
  type SafetensorsFile,
  type TensorToWrite,
  writeSafetensors,
} from "./safetensors.ts";
import { writeAtomically } from "./write_atomically.ts";

/** What {@linkcode modelDir} gives. */
export interface ModelDir {
  readonly path: string;
  readText(name: string): Promise<string>;
  writeText(name: string, text: string): Promise<void>;
  openTensors(name: string): Promise<SafetensorsFile>;
  writeTensors(name: string, tensors: ReadonlyMap<string, TensorToWrite>): Promise<void>;
}

/**
 * The folder at `path`, which need not exist before something is written to it.
 *
 * ```ts ignore
 * const model = await Gpt2.load(gpu, modelDir("models/gpt2"));
 * await model.save(modelDir("models/mine"));
 * ```
 */
export function modelDir(path: string): ModelDir {
  const inside = (name: string) => `${path.replace(/\/+$/, "")}/${name}`;
  return {
    path,
    readText: (name) => Deno.readTextFile(inside(name)),
    openTensors: (name) => openSafetensors(inside(name)),
    async writeText(name, text) {
      await Deno.mkdir(path, { recursive: true });
      await writeAtomically(inside(name), (write) => write(new TextEncoder().encode(text)));
    },
    async writeTensors(name, tensors) {
      await Deno.mkdir(path, { recursive: true });
      await writeSafetensors(inside(name), tensors);
    },
  };
}
