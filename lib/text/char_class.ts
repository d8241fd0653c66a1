/**
 * The four kinds of characters that GPT-2's splitting pattern knows: `\p{L}`, `\p{N}`, `\s` (the
 * Unicode property White_Space, which is not JavaScript's `\s`: U+0085 is in it, U+FEFF is not)
 * and everything else.
 *
 * The kinds come from the platform's own Unicode tables, looked up once and kept in a table,
 * because a scanner asks this question for every character of a corpus.
 */

export const OTHER = 0;
export const LETTER = 1;
export const NUMBER = 2;
export const SPACE = 3;

const KINDS: readonly [number, string][] = [
  [LETTER, "\\p{L}+"],
  [NUMBER, "\\p{N}+"],
  [SPACE, "\\p{White_Space}+"],
];

/** Kinds of `count` code points from `first` on, found by running the patterns over all of them. */
function classify(first: number, count: number): Uint8Array {
  const kinds = new Uint8Array(count);
  const width = first < 0x10000 ? 1 : 2;
  const parts: string[] = [];
  for (let code = first; code < first + count; code++) {
    // A surrogate beside another one would read as a pair; alone it is no letter anyway.
    parts.push(code >= 0xd800 && code < 0xe000 ? "\ufffd" : String.fromCodePoint(code));
  }
  const text = parts.join("");
  for (const [kind, pattern] of KINDS) {
    for (const match of text.matchAll(new RegExp(pattern, "gu"))) {
      kinds.fill(kind, match.index / width, (match.index + match[0].length) / width);
    }
  }
  return kinds;
}

/** Kind of every UTF-16 code unit; surrogates count as `OTHER` (see {@link astralKind}). */
export const KIND_OF_UNIT: Uint8Array = classify(0, 0x10000);

const PAGE_BITS = 10;
const pages = new Map<number, Uint8Array>();

/** Kind of the code point that a high and a low surrogate make together. */
export function astralKind(high: number, low: number): number {
  const code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  const pageNumber = code >> PAGE_BITS;
  let page = pages.get(pageNumber);
  if (!page) pages.set(pageNumber, page = classify(pageNumber << PAGE_BITS, 1 << PAGE_BITS));
  return page[code & ((1 << PAGE_BITS) - 1)];
}
