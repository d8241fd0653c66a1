/**
 * Files in a folder that a browser gives to a page: its private one (the origin's private file
 * system, `navigator.storage.getDirectory()`), or one that somebody chose (`showDirectoryPicker()`).
 */
import { safetensorsParts, type TensorsToWrite } from "./encode_safetensors.ts";
import { parseSafetensors, type Safetensors } from "./safetensors.ts";

/** What is used of a `FileSystemFileHandle`. */
export interface FileHandle {
  getFile(): Promise<Blob>;
  createWritable(): Promise<{
    write(data: Uint8Array<ArrayBuffer>): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
}

/** What is used of a `FileSystemDirectoryHandle`. */
export interface DirectoryHandle {
  readonly name: string;
  getFileHandle(name: string, options?: { create?: boolean }): Promise<FileHandle>;
  getDirectoryHandle(name: string, options?: { create?: boolean }): Promise<DirectoryHandle>;
  removeEntry(name: string, options?: { recursive?: boolean }): Promise<void>;
  keys(): AsyncIterable<string>;
}

/** What {@linkcode directoryFiles} gives; it is a `ModelFiles` of lib/nn. */
export interface DirectoryFiles {
  readText(name: string): Promise<string>;
  writeText(name: string, text: string): Promise<void>;
  openTensors(name: string): Promise<Safetensors>;
  writeTensors(name: string, tensors: TensorsToWrite): Promise<void>;
}

/** What {@linkcode directoryCheckpoints} gives; it is a `CheckpointStore` of lib/train. */
export interface DirectoryCheckpoints {
  list(): Promise<string[]>;
  open(name: string): DirectoryFiles;
  write(name: string, fill: (files: DirectoryFiles) => Promise<void>): Promise<void>;
  remove(name: string): Promise<void>;
}

/** The file that says whether a folder is a checkpoint, and whether all of it is there. */
const STATUS = "status.txt";
/** What it says; folders without it are none of ours and are left alone. */
type Status = "unfinished" | "complete";

/**
 * A model's files in a folder of a browser. A file is there whole or not at all.
 *
 * ```ts ignore
 * const root = await navigator.storage.getDirectory();
 * const folder = await root.getDirectoryHandle("my-model", { create: true });
 * await model.save(directoryFiles(folder));
 * using same = await Gpt2.load(gpu, directoryFiles(folder));
 * ```
 */
export function directoryFiles(directory: DirectoryHandle): DirectoryFiles {
  return filesIn(() => Promise.resolve(directory));
}

/**
 * Checkpoints in a folder of a browser: a training that a closed page interrupted goes on from the
 * last one when it is started again.
 *
 * Each is a folder, and counts once its status says so, which is written last; what an interruption
 * left behind is removed by the next write.
 *
 * ```ts ignore
 * const root = await navigator.storage.getDirectory();
 * const store = directoryCheckpoints(await root.getDirectoryHandle("run-1", { create: true }));
 * await train({ model, data, steps: 1000, checkpoints: { store, every: 100 } });
 * ```
 */
export function directoryCheckpoints(directory: DirectoryHandle): DirectoryCheckpoints {
  const names = async (status: Status) => {
    const found: string[] = [];
    for await (const name of directory.keys()) {
      if (await statusOf(directory, name) === status) found.push(name);
    }
    return found.sort();
  };
  const remove = (name: string) => directory.removeEntry(name, { recursive: true });
  return {
    list: () => names("complete"),
    open: (name) => filesIn(() => directory.getDirectoryHandle(name)),
    async write(name, fill) {
      for (const left of await names("unfinished")) await remove(left);
      if ((await names("complete")).includes(name)) await remove(name);
      const files = directoryFiles(await directory.getDirectoryHandle(name, { create: true }));
      const say = (status: Status) => files.writeText(STATUS, status);
      await say("unfinished");
      await fill(files);
      await say("complete");
    },
    remove,
  };
}

/** What an entry's status file says; undefined if it has none. */
async function statusOf(directory: DirectoryHandle, name: string): Promise<string | undefined> {
  try {
    const file = await (await directory.getDirectoryHandle(name)).getFileHandle(STATUS);
    return await (await file.getFile()).text();
  } catch (error) {
    // A file, or a folder of somebody else's.
    if (["NotFoundError", "TypeMismatchError"].includes((error as Error).name)) return undefined;
    throw error;
  }
}

function filesIn(open: () => Promise<DirectoryHandle>): DirectoryFiles {
  const read = async (name: string) => {
    const directory = await open();
    try {
      return await (await directory.getFileHandle(name)).getFile();
    } catch (cause) {
      throw new Error(`Cannot read ${name} in the folder "${directory.name}": ${cause}`, { cause });
    }
  };
  const write = async (name: string, parts: AsyncIterable<Uint8Array<ArrayBuffer>>) => {
    const file = await (await open()).getFileHandle(name, { create: true });
    // The browser puts what is written in place of the file when it is closed.
    const writable = await file.createWritable();
    try {
      for await (const part of parts) await writable.write(part);
    } catch (error) {
      await writable.abort();
      throw error;
    }
    await writable.close();
  };
  return {
    readText: async (name) => await (await read(name)).text(),
    openTensors: async (name) => parseSafetensors(await (await read(name)).arrayBuffer(), name),
    writeText: (name, text) => write(name, bytesOf(text)),
    writeTensors: (name, tensors) => write(name, safetensorsParts(tensors)),
  };
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield new TextEncoder().encode(text);
}
