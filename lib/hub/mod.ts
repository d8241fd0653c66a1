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
export { HubError } from "./hub_request.ts";
export { type ListedFile, listFiles } from "./list_files.ts";
export { type ModelDir, modelDir } from "./model_dir.ts";
export {
  openSafetensors,
  readSafetensors,
  SafetensorsError,
  SafetensorsFile,
  writeSafetensors,
} from "./safetensors.ts";
export { fileTuningStore, tuningOptions } from "./tuning_store.ts";
