/** A folder of checkpoints, each of which exists whole or not at all. */
import { type ModelDir, modelDir } from "./model_dir.ts";

/** What {@linkcode checkpointDir} gives; it is a `CheckpointStore` of lib/train. */
export interface CheckpointDir {
  list(): Promise<string[]>;
  open(name: string): ModelDir;
  write(name: string, fill: (files: ModelDir) => Promise<void>): Promise<void>;
  remove(name: string): Promise<void>;
}

/**
 * The folder of checkpoints at `path`, which need not exist yet.
 *
 * A checkpoint is a folder in it. It is written under a name that begins with a dot and renamed when
 * its files are on the disk; what a killed process left behind is removed by the next write.
 */
export function checkpointDir(path: string): CheckpointDir {
  const inside = (name: string) => `${path.replace(/\/+$/, "")}/${name}`;
  const names = async () => {
    const found: string[] = [];
    try {
      for await (const entry of Deno.readDir(path)) if (entry.isDirectory) found.push(entry.name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return found.sort();
  };
  const remove = (name: string) => Deno.remove(inside(name), { recursive: true });
  return {
    list: async () => (await names()).filter((name) => !name.startsWith(".")),
    open: (name) => modelDir(inside(name)),
    async write(name, fill) {
      await Deno.mkdir(path, { recursive: true });
      const present = await names();
      for (const left of present) if (left.startsWith(".unfinished-")) await remove(left);
      const unfinished = `.unfinished-${name}`;
      await Deno.mkdir(inside(unfinished));
      await fill(modelDir(inside(unfinished)));
      // The same step again, after going back: the new one is as good, but renaming wants room.
      if (present.includes(name)) {
        await Deno.rename(inside(name), inside(`.unfinished-old-${name}`));
      }
      await Deno.rename(inside(unfinished), inside(name));
      if (present.includes(name)) await remove(`.unfinished-old-${name}`);
    },
    remove,
  };
}
