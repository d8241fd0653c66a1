import { dirname } from "node:path";
import { writeAtomically } from "../hub/write_atomically.ts";

/**
 * What `make` finds, kept in a file from which a notebook that was killed takes it when it runs again.
 *
 * ```ts ignore
 * const run = await openTrainingRun("ablation", recipe);
 * for (const seed of seeds) {
 *   accuracies.push(await remember(`${run.path}/accuracy-${seed}.json`, () => trainAndMeasure(seed)));
 * }
 * await run.finish(); // the next run begins anew
 * ```
 *
 * @param path of the file; its folder need not exist.
 * @param make finds the value: something that JSON holds.
 */
export async function remember<T>(path: string, make: () => T | Promise<T>): Promise<T> {
  let text: string | undefined;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (text !== undefined) return JSON.parse(text);
  const value = await make();
  await Deno.mkdir(dirname(path), { recursive: true });
  const bytes = new TextEncoder().encode(JSON.stringify(value) + "\n");
  await writeAtomically(path, (write) => write(bytes));
  return value;
}
