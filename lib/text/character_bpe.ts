import { eachText } from "./each_text.ts";

/** A pair of neighbouring symbols and how often it occurs in the corpus. */
export interface PairCount {
  left: string;
  right: string;
  count: number;
}

/** One merge that was learned. */
export interface CharacterMerge extends PairCount {
  /** The symbol that stands for the pair: its two parts written together. */
  symbol: string;
}

/**
 * Byte-pair encoding on characters, one step at a time, for reading and teaching: every table that
 * the algorithm keeps can be looked at between the steps. For real use see `trainBpe`, which does
 * the same on bytes, and fast.
 *
 * Words lie between white space, so no symbol ever contains a blank. A symbol inside a word looks
 * like the same symbol at its start: there is no marker as WordPiece's `##`.
 *
 * ```ts
 * import { CharacterBpe } from "cutloss/text/mod.ts";
 *
 * const bpe = new CharacterBpe(["hug pug hugs", "bun pun hug"]);
 * while (bpe.vocabulary.length < 9) if (!bpe.step()) break;
 * console.log(bpe.vocabulary, bpe.tokenize("hugs puns"));
 * ```
 *
 * Source: Sennrich, Haddow & Birch (2016), without their end-of-word mark.
 */
export class CharacterBpe {
  /** What stands for a character that is not in the vocabulary. */
  static readonly UNKNOWN = "[UNK]";

  /** Each different word of the corpus and how often it occurs, in the order of first sight. */
  readonly wordCounts: ReadonlyMap<string, number>;
  /** All symbols: the characters in the order of their code points, then one a merge. */
  readonly vocabulary: string[];
  /** The merges so far. */
  readonly merges: CharacterMerge[] = [];
  readonly #splits: Map<string, string[]>;

  /** @throws TypeError if `texts` is one string, or has an item that is no string */
  constructor(texts: Iterable<string>) {
    const counts = new Map<string, number>();
    for (const text of eachText(texts)) {
      for (const word of splitAtWhiteSpace(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    this.wordCounts = counts;
    this.#splits = new Map([...counts.keys()].map((word) => [word, [...word]]));
    this.vocabulary = [...new Set([...this.#splits.values()].flat())].sort((a, b) =>
      a.codePointAt(0)! - b.codePointAt(0)!
    );
  }

  /** How each word is cut into symbols now. */
  get splits(): ReadonlyMap<string, readonly string[]> {
    return this.#splits;
  }

  /** All pairs of neighbouring symbols, the most frequent first, then in the order of first sight. */
  pairCounts(): PairCount[] {
    const counts = new Map<string, PairCount>();
    for (const [word, symbols] of this.#splits) {
      const occurrences = this.wordCounts.get(word)!;
      for (let i = 0; i + 1 < symbols.length; i++) {
        const [left, right] = [symbols[i], symbols[i + 1]];
        // No symbol contains a blank, so this key is unambiguous.
        const key = `${left} ${right}`;
        const pair = counts.get(key);
        if (pair) pair.count += occurrences;
        else counts.set(key, { left, right, count: occurrences });
      }
    }
    return [...counts.values()].sort((a, b) => b.count - a.count);
  }

  /** Learns one merge, the most frequent pair; undefined if every word is one symbol. */
  step(): CharacterMerge | undefined {
    const best = this.pairCounts()[0];
    if (!best) return undefined;
    const merge = { ...best, symbol: best.left + best.right };
    for (const [word, symbols] of this.#splits) this.#splits.set(word, applyMerge(symbols, merge));
    this.merges.push(merge);
    if (!this.vocabulary.includes(merge.symbol)) this.vocabulary.push(merge.symbol);
    return merge;
  }

  /** Learns merges until the vocabulary has this many symbols or nothing is left to merge. */
  train(vocabSize: number): this {
    if (!Number.isInteger(vocabSize) || vocabSize < 1) {
      throw new RangeError(`vocabSize was ${vocabSize}; expected a whole number above 0.`);
    }
    while (this.vocabulary.length < vocabSize && this.step());
    return this;
  }

  /**
   * Cuts a text into symbols: each word into characters, then the merges in the order in which they
   * were learned. A character that the corpus did not have becomes {@link CharacterBpe.UNKNOWN}.
   */
  tokenize(text: string): string[] {
    const known = new Set(this.vocabulary);
    return splitAtWhiteSpace(text).flatMap((word) => {
      const symbols = this.merges.reduce(applyMerge, [...word]);
      return symbols.map((symbol) => known.has(symbol) ? symbol : CharacterBpe.UNKNOWN);
    });
  }
}

function splitAtWhiteSpace(text: string): string[] {
  return text.split(/\p{White_Space}+/u).filter((word) => word !== "");
}

function applyMerge(symbols: readonly string[], merge: CharacterMerge): string[] {
  const out: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const isPair = symbols[i] === merge.left && symbols[i + 1] === merge.right;
    out.push(isPair ? merge.symbol : symbols[i]);
    if (isPair) i++;
  }
  return out;
}
