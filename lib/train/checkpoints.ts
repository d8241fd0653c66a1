/** Where a training keeps what it needs to go on, and how it is written and found again. */
import type { Model } from "../nn/model.ts";
import type { ModelFiles } from "../nn/model_files.ts";
import type { AdamW } from "./adamw.ts";

/**
 * A place for checkpoints: `directoryCheckpoints` of lib/files in a browser's folder,
 * `checkpointDir(path)` of lib/hub on disk. lib/train opens no files itself.
 */
export interface CheckpointStore {
  /** Names of the checkpoints that are complete. */
  list(): Promise<string[]>;
  /** The files of one. */
  open(name: string): ModelFiles;
  /** Has `fill` write the files of a checkpoint, which appears only when all are there. */
  write(name: string, fill: (files: ModelFiles) => Promise<void>): Promise<void>;
  remove(name: string): Promise<void>;
}

/** An evaluation of a model. */
export interface Evaluation {
  /** Steps that had been made. */
  step: number;
  /** Mean loss on the evaluation's data. */
  loss: number;
}

/** What there is to know about a training besides weights and moments. */
export interface TrainingState {
  /** Steps that have been made. */
  step: number;
  seed: number;
  /** Where the next batch comes from. */
  position: unknown;
  evaluations: Evaluation[];
}

const STATE = "state.json", OPTIMIZER = "optimizer.safetensors";

/** Name of a checkpoint, of which later ones sort after earlier ones. */
const nameOf = (kind: "step" | "best", step: number) => `${kind}-${String(step).padStart(8, "0")}`;

/** The step in a name. */
const stepOf = (name: string) => Number(name.slice(name.lastIndexOf("-") + 1));

/** Names of one kind, oldest first. */
async function namesOf(store: CheckpointStore, kind: "step" | "best"): Promise<string[]> {
  return (await store.list()).filter((name) => name.startsWith(`${kind}-`)).sort();
}

/**
 * Writes a checkpoint to go on from, and removes older ones but the last `keep`, and all best models
 * but the last.
 */
export async function writeCheckpoint(
  store: CheckpointStore,
  model: Model,
  optimizer: AdamW,
  state: TrainingState,
  keep: number,
): Promise<void> {
  await store.write(nameOf("step", state.step), async (files) => {
    await model.save(files);
    await files.writeTensors(OPTIMIZER, optimizer.toTensors());
    await files.writeText(STATE, JSON.stringify(state));
  });
  for (const name of (await namesOf(store, "step")).slice(0, -keep)) await store.remove(name);
  for (const name of (await namesOf(store, "best")).slice(0, -1)) await store.remove(name);
}

/**
 * Goes back to the last checkpoint; undefined if there is none. A best model that came after it is
 * removed: it will come again.
 *
 * @param check throws if the checkpoint is not to be used; model and store are left as they were then.
 */
export async function readCheckpoint(
  store: CheckpointStore,
  model: Model,
  optimizer: AdamW,
  check: (state: TrainingState) => void,
): Promise<TrainingState | undefined> {
  const name = (await namesOf(store, "step")).at(-1);
  const files = name ? store.open(name) : undefined;
  const state: TrainingState | undefined = files && JSON.parse(await files.readText(STATE));
  if (state) check(state);
  const last = name ? stepOf(name) : -1;
  for (const best of await namesOf(store, "best")) {
    if (stepOf(best) > last) await store.remove(best);
  }
  if (!files || !state) return undefined;
  using weights = await files.openTensors("model.safetensors");
  model.setTensors(weights);
  using moments = await files.openTensors(OPTIMIZER);
  optimizer.setTensors(moments, state.step);
  return state;
}

/**
 * Writes the weights of the best model so far, and removes those that were best before; but not
 * those that the last checkpoint knows as the best: whoever goes back to it needs them.
 */
export async function writeBest(
  store: CheckpointStore,
  model: Model,
  evaluation: Evaluation,
): Promise<void> {
  await store.write(nameOf("best", evaluation.step), async (files) => {
    await model.save(files);
    await files.writeText(STATE, JSON.stringify(evaluation));
  });
  const checkpoint = (await namesOf(store, "step")).at(-1);
  const last = checkpoint ? stepOf(checkpoint) : -1;
  const before = (await namesOf(store, "best")).slice(0, -1);
  const known = before.findLast((name) => stepOf(name) <= last);
  for (const name of before) if (name !== known) await store.remove(name);
}

/**
 * Gives a model the weights that were best in its evaluations.
 *
 * @returns the evaluation they had; undefined if the store has none.
 */
export async function readBest(
  store: CheckpointStore,
  model: Model,
): Promise<Evaluation | undefined> {
  const name = (await namesOf(store, "best")).at(-1);
  if (!name) return undefined;
  const files = store.open(name);
  using weights = await files.openTensors("model.safetensors");
  model.setTensors(weights);
  return JSON.parse(await files.readText(STATE));
}
