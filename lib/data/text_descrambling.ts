/**
 * The data set of the post on descrambling sentences, from the Hugging Face hub.
 */
import { join } from "node:path";
import { download, type DownloadOptions } from "../hub/download.ts";
import { listFiles } from "../hub/list_files.ts";
import type { ScrambledSentence, ScrambledSentences } from "./scrambled_sentences.ts";
import { readScrambledTable } from "./sentence_table.ts";
import type { TableError } from "./table.ts";

/** The data set's name on the hub; its columns are text, label and id. */
export const TEXT_DESCRAMBLING = "damilojohn/Text-Descrambling";

/** Options of {@linkcode downloadTextDescrambling}. */
export interface TextDescramblingOptions extends Omit<DownloadOptions, "type"> {
  /** Another data set of the same form. */
  repository?: string;
  /** Hears of rows whose label is no permutation of their text; they are left out. */
  onBadRow?: (error: TableError) => void;
}

/**
 * Downloads a data set of scrambled sentences: the CSV or JSON-lines files whose names say train,
 * validation (or val, dev, eval) and test.
 *
 * @throws HubError if the hub cannot be reached; Error if one of the three is missing
 */
export async function downloadTextDescrambling(
  { repository = TEXT_DESCRAMBLING, onBadRow = () => {}, ...options }: TextDescramblingOptions = {},
): Promise<ScrambledSentences> {
  const files = await listFiles(repository, { ...options, type: "dataset" });
  return await readSplits(
    `The data set ${repository}`,
    files.map(({ path }) => path),
    (path) => download(repository, path, { ...options, type: "dataset" }),
    onBadRow,
  );
}

/**
 * Reads the same from a folder on disk: its CSV or JSON-lines files whose names say train,
 * validation (or val, dev, eval) and test, with the columns `text` and `label`.
 *
 * @throws TableError naming the line, for a malformed file, and for a label that is no permutation
 *   of its text unless `onBadRow` is given; Error if one of the three files is missing
 */
export async function readScrambledFolder(
  folder: string,
  { onBadRow }: Pick<TextDescramblingOptions, "onBadRow"> = {},
): Promise<ScrambledSentences> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  const local = (name: string) => Promise.resolve(join(folder, name));
  return await readSplits(`The folder ${folder}`, names.sort(), local, onBadRow);
}

/** Reads the three tables among some files; `fetch` gives the path on disk of one. */
async function readSplits(
  what: string,
  files: readonly string[],
  fetch: (file: string) => Promise<string>,
  onBadRow: TextDescramblingOptions["onBadRow"],
): Promise<ScrambledSentences> {
  const tables = files.filter((file) => /\.(csv|jsonl|ndjson)$/i.test(file));
  const read = async (split: string, pattern: RegExp): Promise<ScrambledSentence[]> => {
    const path = tables.find((table) => pattern.test(table.split("/").at(-1)!));
    if (!path) {
      throw new Error(
        `${what} has no CSV or JSON-lines file for ${split}; it has ${files.join(", ")}.`,
      );
    }
    return await readScrambledTable(await fetch(path), onBadRow ? { onBadRow } : {});
  };
  return {
    train: await read("training", /train/i),
    validation: await read("validation", /val|dev|eval/i),
    test: await read("testing", /test/i),
  };
}
