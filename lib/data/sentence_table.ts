/**
 * Scrambled sentences from a file with the columns `text` and `label`.
 */
import type { ScrambledSentence } from "./scrambled_sentences.ts";
import { readTable, TableError } from "./table.ts";

/** Options of {@linkcode readScrambledTable}. */
export interface ScrambledTableOptions {
  /**
   * Hears of rows whose label is no permutation of their text, which are then left out. By default
   * they are errors.
   */
  onBadRow?: (error: TableError) => void;
}

/**
 * Reads scrambled sentences (`text`) and their solutions (`label`) from CSV or JSON lines. Words
 * are what white space separates.
 *
 * @throws TableError naming the line, for a file that is malformed (see `readTable`) or a label
 *   that does not consist of exactly its text's words
 */
export async function readScrambledTable(
  path: string,
  { onBadRow }: ScrambledTableOptions = {},
): Promise<ScrambledSentence[]> {
  const rows = await readTable(path, { columns: ["text", "label"] });
  const source = path.split(/[\\/]/).at(-1)!;
  return rows.flatMap(({ line, cells: { text, label } }) => {
    const difference = differenceOf(text, label);
    if (!difference) return { text, label };
    const reason = `the label is no permutation of its text: ${difference}.`;
    const error = new TableError(source, line, reason);
    if (!onBadRow) throw error;
    onBadRow(error);
    return [];
  });
}

/** Which words one has more often than the other, or undefined if there are none. */
function differenceOf(text: string, label: string): string | undefined {
  const surplus = new Map<string, number>();
  for (const word of text.trim().split(/\s+/)) surplus.set(word, (surplus.get(word) ?? 0) + 1);
  for (const word of label.trim().split(/\s+/)) surplus.set(word, (surplus.get(word) ?? 0) - 1);
  const some = (sign: number) =>
    [...surplus].filter(([, n]) => n * sign > 0).slice(0, 3)
      .map(([word]) => `"${word.slice(0, 30)}"`).join(", ");
  const [inText, inLabel] = [some(1), some(-1)];
  if (!inText && !inLabel) return undefined;
  return [inText && `the text has ${inText} more often`, inLabel && `the label has ${inLabel}`]
    .filter(Boolean).join(", ") + (inLabel ? " more often" : "");
}
