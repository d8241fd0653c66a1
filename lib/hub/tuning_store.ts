/** Kernel choices kept in the user's cache folder, and the switch that turns measuring off. */
import { dirname, join } from "node:path";
import { writeAtomically } from "./write_atomically.ts";

/** A store of short texts; what `Gpu.open({ tuningStore })` takes. */
export interface FileTuningStore {
  load(key: string): Promise<string | undefined>;
  save(key: string, value: string): Promise<void>;
  readonly driver?: string;
}

/**
 * How notebooks and tasks open the GPU: `Gpu.open(tuningOptions())`.
 *
 * Choices are kept in a file each under the user's cache folder. With `CUTLOSS_AUTOTUNE=0` in the
 * environment nothing is measured, and every kernel is the default one.
 */
export function tuningOptions(): { autotune: boolean; tuningStore: FileTuningStore } {
  return {
    autotune: !/^(0|false|off|no)$/i.test(Deno.env.get("CUTLOSS_AUTOTUNE") ?? ""),
    tuningStore: fileTuningStore(),
  };
}

/**
 * A store with one file for each key.
 *
 * @param folder where they lie (default: `cutloss/tuning` in the user's cache folder).
 */
export function fileTuningStore(
  folder: string = join(userCacheFolder(), "cutloss", "tuning"),
): FileTuningStore {
  return {
    async load(key) {
      try {
        return await Deno.readTextFile(await fileOf(folder, key));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    async save(key, value) {
      const path = await fileOf(folder, key);
      await Deno.mkdir(dirname(path), { recursive: true });
      await writeAtomically(path, (write) => write(new TextEncoder().encode(value)));
    },
    driver: graphicsDriver(),
  };
}

/** The folder for files that can be made again: by the habits of Linux, macOS and Windows. */
export function userCacheFolder(
  os: string = Deno.build.os,
  env: (name: string) => string | undefined = (name) => Deno.env.get(name),
): string {
  const home = env("HOME") || env("USERPROFILE") || ".";
  if (env("XDG_CACHE_HOME")) return env("XDG_CACHE_HOME")!;
  if (os === "windows") return env("LOCALAPPDATA") || join(home, "AppData", "Local");
  return os === "darwin" ? join(home, "Library", "Caches") : join(home, ".cache");
}

/** A readable name with a hash of the whole key. */
async function fileOf(folder: string, key: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  const digits = [...new Uint8Array(hash, 0, 6)].map((x) => x.toString(16).padStart(2, "0"));
  const words = key.split(" | ").slice(0, 3).join(" ").replace(/[^\w.]+/g, "-").slice(0, 80);
  return join(folder, `${words}-${digits.join("")}.json`);
}

/** Version of NVIDIA's kernel module, which Linux tells without starting a program. */
function graphicsDriver(): string | undefined {
  try {
    return Deno.readTextFileSync("/proc/driver/nvidia/version").match(/\s(\d+\.\d+[\d.]*)\s/)?.[1];
  } catch {
    return undefined;
  }
}
