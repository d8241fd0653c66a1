/**
 * The data set of the post on descrambling sentences, from the Hugging Face hub.
 */
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
  const tables = files.map(({ path }) => path).filter((path) =>
    /\.(csv|jsonl|ndjson)$/i.test(path)
  );
  const read = async (split: string, pattern: RegExp): Promise<ScrambledSentence[]> => {
    const path = tables.find((table) => pattern.test(table.split("/").at(-1)!));
    if (!path) {
      throw new Error(
        `The data set ${repository} has no CSV or JSON-lines file for ${split}; it has ` +
          `${files.map((file) => file.path).join(", ")}.`,
      );
    }
    const local = await download(repository, path, { ...options, type: "dataset" });
    return await readScrambledTable(local, { onBadRow });
  };
  return {
    train: await read("training", /train/i),
    validation: await read("validation", /val|dev|eval/i),
    test: await read("testing", /test/i),
  };
}
