/**
 * Safetensors, and places where models and checkpoints lie, with web standards only: memory, a
 * server, a folder of the browser. Files on disk and the Hugging Face hub are in lib/hub.
 *
 * @module
 */
export {
  type DirectoryCheckpoints,
  directoryCheckpoints,
  type DirectoryFiles,
  directoryFiles,
  type DirectoryHandle,
  type FileHandle,
} from "./directory_files.ts";
export {
  encodeSafetensors,
  safetensorsParts,
  type TensorsToWrite,
  type TensorToWrite,
  type WriteSafetensorsOptions,
} from "./encode_safetensors.ts";
export { type FetchedFiles, fetchedFiles, type FetchedFilesOptions } from "./fetched_files.ts";
export { type MemoryFiles, memoryFiles } from "./memory_files.ts";
export { parseSafetensors, type ReadTensorBytes, Safetensors } from "./safetensors.ts";
export { type HostTensor, type TensorArray } from "./safetensors_arrays.ts";
export {
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  type SafetensorsHeader,
} from "./safetensors_header.ts";
