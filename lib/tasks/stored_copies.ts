import { join } from "node:path";
import { type NotebookFile, parseNotebook } from "../report/nbformat.ts";
import { writeNotebook } from "../report/notebook_file.ts";

/**
 * Where a folder of executed notebooks keeps which of them are copies of the repository's: a digest
 * by name. A notebook of another digest was executed, or changed, by the user.
 */
const RECORD = ".stored.json";

async function digestOf(notebook: NotebookFile): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(notebook));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

async function readIfThere(path: string | URL): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function readRecord(directory: string): Promise<Record<string, string>> {
  try {
    return JSON.parse(await readIfThere(join(directory, RECORD)) ?? "{}");
  } catch {
    return {}; // cut off while it was written: what is there counts as the user's and is kept
  }
}

/** The digest of a notebook in a directory; undefined if it is not there. */
async function digestIn(directory: string, name: string): Promise<string | undefined> {
  const path = join(directory, `${name}.ipynb`);
  const text = await readIfThere(path);
  return text === undefined ? undefined : await digestOf(parseNotebook(text, path));
}

/** Names of notebooks by where their outputs come from. */
export interface Origins {
  /** Executed here, or changed. */
  own: string[];
  /** As the repository holds them. */
  stored: string[];
}

/** Tells which notebooks of a directory are copies of the repository's; those not there are left out. */
export async function originsOf(names: readonly string[], directory: string): Promise<Origins> {
  const record = await readRecord(directory);
  const origins: Origins = { own: [], stored: [] };
  for (const name of names) {
    const digest = await digestIn(directory, name);
    if (digest !== undefined) origins[digest === record[name] ? "stored" : "own"].push(name);
  }
  return origins;
}

/**
 * Copies notebooks with the outputs that the repository stores into a directory. What was executed
 * there is kept, unless `overwrite` says otherwise.
 *
 * @param names without extension
 * @param folder where the stored notebooks are
 */
export async function copyStored(
  names: readonly string[],
  directory: string,
  { folder, overwrite }: { folder: URL; overwrite: boolean },
): Promise<void> {
  const record = await readRecord(directory);
  for (const name of names) {
    const url = new URL(`${name}.ipynb`, folder);
    const notebook = parseNotebook(await Deno.readTextFile(url), url.pathname);
    const digest = await digestOf(notebook);
    const there = overwrite ? undefined : await digestIn(directory, name);
    if (there !== undefined && there !== record[name] && there !== digest) continue;
    await writeNotebook(join(directory, `${name}.ipynb`), notebook);
    record[name] = digest;
  }
  await Deno.writeTextFile(join(directory, RECORD), JSON.stringify(record, null, 1) + "\n");
}
