import { unitsOf } from "./units.ts";
import { grow, WordTable } from "./word_table.ts";

/** Finds the words of a text one after the other. */
export interface Splitter {
  readonly start: number;
  readonly end: number;
  next(): boolean;
}

/** The different words of a corpus and how often each occurs. */
export interface WordCounts {
  words: WordTable;
  /** One count a word, in the order of the table. */
  counts: Float64Array;
}

/** Counts the words of some texts, each cut by the splitter that `split` makes for it. */
export function countWords(
  texts: Iterable<string>,
  split: (units: Uint16Array) => Splitter,
): WordCounts {
  const words = new WordTable();
  let counts = new Float64Array(1 << 10);
  for (const text of texts) {
    const units = unitsOf(text);
    const splitter = split(units);
    while (splitter.next()) {
      const word = words.intern(units, splitter.start, splitter.end);
      if (word >= counts.length) counts = grow(counts, word + 1);
      counts[word]++;
    }
  }
  return { words, counts: counts.subarray(0, words.size) };
}
