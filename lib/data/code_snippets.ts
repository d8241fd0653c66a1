/**
 * A synthetic data set for telling programming languages apart.
 *
 * ```ts
 * import { makeCodeSnippets } from "cutloss/data/mod.ts";
 *
 * const snippets = makeCodeSnippets({ count: 100, seed: 0 });
 * console.log(snippets[0].language, snippets[0].code);
 * ```
 */
import { LANGUAGE_NAMES, type LanguageName } from "./code_languages.ts";
import { randomProgram } from "./code_program.ts";
import { Random } from "./random.ts";

/** A few lines of code and the language they are written in. */
export interface CodeSnippet {
  readonly code: string;
  readonly language: LanguageName;
}

/**
 * How many of 45,000 snippets each language has. As in the post's data, R and Scala are rare (127
 * and 270); the other numbers are ours.
 */
export const LANGUAGE_COUNTS: Readonly<Record<LanguageName, number>> = {
  javascript: 5800,
  java: 5800,
  python: 5800,
  cpp: 5000,
  c: 4500,
  csharp: 4500,
  php: 3500,
  typescript: 3000,
  go: 2000,
  ruby: 1700,
  swift: 1100,
  kotlin: 1000,
  rust: 903,
  scala: 270,
  r: 127,
};

/** Options of {@linkcode makeCodeSnippets}. */
export interface CodeSnippetsOptions {
  /** How many snippets. */
  count?: number;
  /** The same seed gives the same snippets. */
  seed?: number;
  /** The fewest lines of a snippet; a program that is shorter is shown whole. */
  minLines?: number;
  /** The most lines of a snippet. */
  maxLines?: number;
  /** The languages' relative frequencies; each has at least two snippets. */
  frequencies?: Readonly<Partial<Record<LanguageName, number>>>;
}

/**
 * Generates snippets, in random order, no two with the same text: a window of lines out of a
 * random program each, without the indentation that its lines share.
 */
export function makeCodeSnippets({
  count = 45_000,
  seed = 0,
  minLines = 4,
  maxLines = 8,
  frequencies = LANGUAGE_COUNTS,
}: CodeSnippetsOptions = {}): CodeSnippet[] {
  if (minLines < 1 || maxLines < minLines) {
    throw new RangeError(
      `minLines and maxLines must be 1 ≤ minLines ≤ maxLines, but were ${minLines} and ${maxLines}.`,
    );
  }
  const random = new Random(seed).fork("code snippets");
  const seen = new Set<string>();
  const snippets: CodeSnippet[] = [];
  for (const [language, share] of shares(count, frequencies)) {
    // A stream for each language: more snippets of one leave the others as they are.
    const languageRandom = random.fork(language);
    for (let made = 0; made < share;) {
      const lines = randomProgram(language, languageRandom);
      const size = languageRandom.between(minLines, maxLines);
      const start = languageRandom.below(Math.max(0, lines.length - size) + 1);
      const code = dedent(lines.slice(start, start + size));
      if (seen.has(code)) continue;
      seen.add(code);
      snippets.push({ code, language });
      made++;
    }
  }
  return random.shuffle(snippets);
}

/** Whole numbers with sum `count` in proportion to the frequencies, by largest remainders. */
function shares(
  count: number,
  frequencies: Readonly<Partial<Record<LanguageName, number>>>,
): Map<LanguageName, number> {
  const names = LANGUAGE_NAMES.filter((name) => (frequencies[name] ?? 0) > 0);
  if (count < 2 * names.length) {
    throw new RangeError(
      `count must be at least ${2 * names.length}, two for each language, but was ${count}.`,
    );
  }
  const total = names.reduce((sum, name) => sum + frequencies[name]!, 0);
  const exact = (name: LanguageName) => count * frequencies[name]! / total;
  const result = new Map(names.map((name) => [name, Math.max(2, Math.floor(exact(name)))]));
  let left = count - [...result.values()].reduce((a, b) => a + b);
  const owed = names.toSorted((a, b) => (exact(b) - result.get(b)!) - (exact(a) - result.get(a)!));
  for (let i = 0; left > 0; i = (i + 1) % owed.length, left--) {
    result.set(owed[i], result.get(owed[i])! + 1);
  }
  // Rounding rare languages up may have given out too much; the most frequent one pays.
  const largest = names.reduce((a, b) => (result.get(b)! > result.get(a)! ? b : a));
  result.set(largest, result.get(largest)! + left);
  return result;
}

/** Removes the white space that all lines begin with. */
function dedent(lines: readonly string[]): string {
  const shared = Math.min(...lines.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(shared)).join("\n");
}
