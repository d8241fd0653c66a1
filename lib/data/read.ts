/**
 * Data sets read from files and downloaded from the Hugging Face hub; for Deno.
 *
 * ```ts ignore
 * import { readCodeTable } from "cutloss/data/read.ts";
 *
 * const snippets = await readCodeTable("snippets.csv"); // [{ code: "x <- 1", language: "r" }, …]
 * ```
 *
 * @module
 */
export { type CodeTableOptions, readCodeTable } from "./code_table.ts";
export { readScrambledTable, type ScrambledTableOptions } from "./sentence_table.ts";
export { parseTable, readTable, TableError, type TableOptions, type TableRow } from "./table.ts";
export {
  downloadTextDescrambling,
  readScrambledFolder,
  TEXT_DESCRAMBLING,
  type TextDescramblingOptions,
} from "./text_descrambling.ts";
export type { RepositoryType } from "../hub/cache_layout.ts";
export type { DownloadOptions, DownloadProgress } from "../hub/download.ts";
export { HubError } from "../hub/hub_request.ts";
export type { ScrambledSentence, ScrambledSentences } from "./scrambled_sentences.ts";
