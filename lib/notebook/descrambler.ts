import { join } from "node:path";
import { DescramblingPrompts } from "../data/descrambling_prompts.ts";
import { modelDir } from "../hub/model_dir.ts";
import { userCacheFolder } from "../hub/tuning_store.ts";
import { Gpt2 } from "../nn/gpt2.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { Tokenizer } from "../text/tokenizer.ts";

/** What is known of a saved descrambler. */
export interface DescramblerFacts {
  /** The level of the generated sentences that it learned from; undefined for other data. */
  level?: 1 | 2;
  /** The scale and seed of its training, and the step whose weights were best. */
  scale: string;
  seed: number;
  steps: number;
  /** Share of test sentences that it answered right, with the given words only. */
  exactMatch: number;
}

/** A model that puts words in order, and how it is asked. */
export interface Descrambler {
  model: Gpt2;
  prompts: DescramblingPrompts;
  facts: DescramblerFacts;
}

/** The folder in which notebook 04 leaves its model for notebook 03, in the user's cache. */
export function descramblerFolder(): string {
  return join(userCacheFolder(), "cutloss", "models", "descrambler");
}

const FACTS = "descrambler.json", TOKENIZER = "tokenizer.json";

/**
 * Saves a model with its tokenizer in Hugging Face's layout, replacing the one that was there.
 *
 * @returns the names of the folder and of its files.
 */
export async function saveDescrambler(
  model: Gpt2,
  prompts: DescramblingPrompts,
  facts: DescramblerFacts,
  folder: string = descramblerFolder(),
): Promise<{ name: string; files: string[] }> {
  const files = modelDir(folder);
  // Without it the folder is not complete; it is written last.
  await Deno.remove(join(folder, FACTS)).catch(() => {});
  await model.save(files);
  await files.writeText(TOKENIZER, JSON.stringify(prompts.tokenizer.toJson()) + "\n");
  await files.writeText(FACTS, JSON.stringify({ ...facts, longest: prompts.longest }, null, 2));
  return {
    name: "cutloss/models/descrambler",
    files: ["config.json", "model.safetensors", TOKENIZER, FACTS],
  };
}

/** Loads what {@linkcode saveDescrambler} saved; undefined if nothing (complete) is there. */
export async function loadDescrambler(
  gpu: Gpu,
  folder: string = descramblerFolder(),
): Promise<Descrambler | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(join(folder, FACTS));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { longest, ...facts } = JSON.parse(text);
  const tokenizer = Tokenizer.fromJson(await Deno.readTextFile(join(folder, TOKENIZER)));
  const prompts = new DescramblingPrompts(tokenizer, { longest });
  return { model: await Gpt2.load(gpu, modelDir(folder)), prompts, facts };
}
