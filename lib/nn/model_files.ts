/**
 * Where models are read from and written to, as `lib/nn` sees it: it runs in browsers too and opens
 * no files. `fetchedFiles`, `directoryFiles` and `memoryFiles` of lib/files are such places, and
 * `modelDir(path)` of lib/hub is a folder on disk.
 */
import type { Shape } from "../tensor/shape.ts";

/** Tensors by name, read one at a time: an open safetensors file is one. */
export interface WeightSource {
  /** Shape and dtype ("F32", "F16", …) of every tensor. */
  readonly entries: ReadonlyMap<string, { readonly shape: Shape; readonly dtype: string }>;
  /** The elements of one as f32. */
  readFloat32(name: string): { readonly data: Float32Array<ArrayBuffer> };
}

/** A tensor to write; its elements are fetched when their turn comes. */
export interface TensorToSave {
  readonly shape: Shape;
  readonly data: () => Promise<Float32Array<ArrayBuffer>>;
}

/** A place with named texts and safetensors files in it. */
export interface ModelFiles {
  readText(name: string): Promise<string>;
  writeText(name: string, text: string): Promise<void>;
  openTensors(name: string): Promise<WeightSource & Disposable>;
  writeTensors(name: string, tensors: ReadonlyMap<string, TensorToSave>): Promise<void>;
}

/** Tensors that are in memory already, as a source. */
export function sourceOf(
  tensors: ReadonlyMap<string, { readonly shape: Shape; readonly data: Float32Array<ArrayBuffer> }>,
): WeightSource {
  return {
    entries: new Map([...tensors].map(([name, { shape }]) => [name, { shape, dtype: "F32" }])),
    readFloat32: (name) => ({ data: tensors.get(name)!.data }),
  };
}
