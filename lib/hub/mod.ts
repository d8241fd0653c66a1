/**
 * Models, checkpoints and safetensors on disk, and downloads from the Hugging Face hub; for Deno.
 *
 * @module
 */
export { type CheckpointDir, checkpointDir } from "./checkpoint_dir.ts";
export {
  download,
  downloadFolder,
  type DownloadFolderOptions,
  type DownloadOptions,
  type DownloadProgress,
} from "./download.ts";
export type { RepositoryType } from "./cache_layout.ts";
export { HubError } from "./hub_request.ts";
export { type ListedFile, listFiles } from "./list_files.ts";
export { type ModelDir, modelDir } from "./model_dir.ts";
export {
  type HostTensor,
  openSafetensors,
  readSafetensors,
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  SafetensorsFile,
  type TensorArray,
  type TensorToWrite,
  writeSafetensors,
  type WriteSafetensorsOptions,
} from "./safetensors.ts";
export { type FileTuningStore, fileTuningStore, tuningOptions } from "./tuning_store.ts";
export type { ReadTensorBytes, Safetensors } from "../files/safetensors.ts";
export type { SafetensorsHeader } from "../files/safetensors_header.ts";
export type { TensorsToWrite } from "../files/encode_safetensors.ts";
