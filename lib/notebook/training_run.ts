import { join } from "node:path";
import { type CheckpointDir, checkpointDir } from "../hub/checkpoint_dir.ts";
import { userCacheFolder } from "../hub/tuning_store.ts";
import { writeAtomically } from "../hub/write_atomically.ts";
import type { StepRecord } from "../train/loss_log.ts";

/** Where a notebook's training keeps what it needs to go on if it is killed. */
export interface TrainingRun {
  /** The folder, in the user's cache. */
  readonly path: string;
  /** For `train`, as `checkpoints.store`. */
  readonly store: CheckpointDir;
  /** Steps before the checkpoint at which this run goes on; empty for a new one. */
  readonly earlier: readonly StepRecord[];
  /** Remembers steps, so that the curve of a run that was killed is whole. */
  log(records: readonly StepRecord[]): Promise<void>;
  /** Nothing of the run is needed any more: removes it, and the next one of this recipe begins anew. */
  finish(): Promise<void>;
}

/**
 * Opens the run of a recipe: one that was killed goes on. One whose last step was made, but which was
 * not finished, has nothing left to do.
 *
 * ```ts ignore
 * const run = await openTrainingRun("descrambler", { seed, ...recipe });
 * await train({ …, checkpoints: { store: run.store, every: 100 }, onProgress: ({ records }) => run.log(records) });
 * await run.finish();
 * ```
 *
 * @param recipe whatever decides what the training comes to, as JSON: another recipe is another run.
 * @param folder where runs lie (default: `cutloss/runs` in the user's cache folder).
 */
export async function openTrainingRun(
  name: string,
  recipe: unknown,
  folder: string = join(userCacheFolder(), "cutloss", "runs"),
): Promise<TrainingRun> {
  const path = join(folder, `${name}-${await digest(JSON.stringify(recipe))}`);
  const log = join(path, "steps.jsonl");
  await Deno.mkdir(path, { recursive: true });
  const store = checkpointDir(join(path, "checkpoints"));
  const last = (await store.list()).filter((entry) => entry.startsWith("step-")).sort().at(-1);
  const step = last ? Number(last.slice("step-".length)) : 0;
  const earlier = (await linesOf(log)).filter((record) => record.step <= step);
  // Steps after the checkpoint will be made again.
  const kept = earlier.map((record) => JSON.stringify(record) + "\n").join("");
  await writeAtomically(log, (write) => write(new TextEncoder().encode(kept)));
  return {
    path,
    store,
    earlier,
    log: (records) =>
      Deno.writeTextFile(log, records.map((record) => JSON.stringify(record) + "\n").join(""), {
        append: true,
      }),
    finish: () => Deno.remove(path, { recursive: true }),
  };
}

/** The records of a log; a last line that was cut off by a kill is left out. */
async function linesOf(path: string): Promise<StepRecord[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

/** Twelve hexadecimal digits of a text's SHA-256. */
async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash, 0, 6).toHex();
}
