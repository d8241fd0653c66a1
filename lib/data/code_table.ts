/**
 * Code snippets from a file with the columns `code` and `language`.
 */
import { LANGUAGE_NAMES } from "./code_languages.ts";
import { readTable, TableError } from "./table.ts";

/** What people write for the languages whose names are spelled differently here. */
const ALIASES: Readonly<Record<string, string>> = {
  "c++": "cpp",
  "c#": "csharp",
  cs: "csharp",
  golang: "go",
  js: "javascript",
  ts: "typescript",
  py: "python",
  rb: "ruby",
  rs: "rust",
};

/** Options of {@linkcode readCodeTable}. */
export interface CodeTableOptions {
  /**
   * The languages that may occur, spelled as in the file. By default the fifteen of
   * `LANGUAGE_NAMES`, in whatever case, with aliases such as C++ and C#.
   */
  languages?: readonly string[];
  /** Hears of rows whose language is unknown, which are then left out. By default they are errors. */
  onBadRow?: (error: TableError) => void;
  /** Hears of end-of-file characters (0x1A) that were removed from cells. */
  onNotice?: (notice: string) => void;
}

/**
 * Reads snippets from CSV or JSON lines. Line ends in the code become `\n`.
 *
 * @throws TableError naming the line, for a file that is malformed (see `readTable`) or a language
 *   that is unknown
 */
export async function readCodeTable(
  path: string,
  { languages, onBadRow, onNotice }: CodeTableOptions = {},
): Promise<{ code: string; language: string }[]> {
  const rows = await readTable(path, { columns: ["code", "language"], onNotice });
  const source = path.split(/[\\/]/).at(-1)!;
  const allowed = new Set<string>(languages ?? LANGUAGE_NAMES);
  return rows.flatMap(({ line, cells }) => {
    const written = cells.language.trim();
    const lower = written.toLowerCase();
    const language = languages ? written : ALIASES[lower] ?? lower;
    if (allowed.has(language)) return { code: cells.code.replaceAll("\r\n", "\n"), language };
    const reason = `the language "${written.slice(0, 40)}" is none of ${[...allowed].join(", ")}.`;
    const error = new TableError(source, line, reason);
    if (!onBadRow) throw error;
    onBadRow(error);
    return [];
  });
}
