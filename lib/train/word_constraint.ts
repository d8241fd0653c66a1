/**
 * Text that consists of given words, each used as often as it is given: what may come next?
 *
 * A word can be several tokens, and the tokens of one word can begin those of another ("book",
 * "book·ing"). So the tokens so far may be read in more than one way, and all readings are followed.
 */

/** A reading of the tokens so far: the words that are left, and how far into a word one is. */
interface Reading {
  /** How many of each different word are left. */
  readonly left: readonly number[];
  /** Which word has been begun, or −1 between words. */
  readonly word: number;
  /** How many of its tokens have come. */
  readonly place: number;
}

/**
 * Which tokens may follow, if exactly these words are to be said in some order.
 *
 * ```ts
 * import { WordConstraint } from "cutloss/train/word_constraint.ts";
 *
 * const constraint = new WordConstraint([[5], [7, 8], [5]], 0);
 * console.log(constraint.allowed([])); // [5, 7]
 * console.log(constraint.allowed([5, 7])); // [8]
 * console.log(constraint.allowed([5, 7, 8, 5])); // [0], the end of text
 * ```
 */
export class WordConstraint {
  readonly #words: readonly (readonly number[])[];
  /** Readings of the texts that were asked for, by their tokens. */
  readonly #known = new Map<string, readonly Reading[]>();

  /**
   * @param words tokens of each word; a word that is there twice is to be used twice.
   * @param endOfText the token that may come when no word is left.
   */
  constructor(words: readonly (readonly number[])[], readonly endOfText: number) {
    const counts = new Map<string, { tokens: readonly number[]; count: number }>();
    for (const [i, tokens] of words.entries()) {
      if (tokens.length === 0) {
        throw new RangeError(`words[${i}] is empty; expected at least one token.`);
      }
      const key = tokens.join(" "), known = counts.get(key);
      counts.set(key, { tokens, count: 1 + (known?.count ?? 0) });
    }
    const different = [...counts.values()];
    this.#words = different.map(({ tokens }) => tokens);
    const left = different.map(({ count }) => count);
    this.#known.set("", [{ left, word: -1, place: 0 }]);
  }

  /**
   * The tokens that may follow `tokens`, each once.
   *
   * @throws {RangeError} if `tokens` cannot be the beginning of such a text.
   */
  allowed(tokens: readonly number[]): number[] {
    if (tokens.at(-1) === this.endOfText) return [this.endOfText];
    const readings = this.#readings(tokens);
    if (readings.length === 0) {
      throw new RangeError(
        `tokens is [${tokens.join(", ")}], which no order of the given words begins with.`,
      );
    }
    const found = new Set<number>();
    for (const reading of readings) {
      for (const { token } of this.#steps(reading)) found.add(token);
    }
    return [...found];
  }

  /** All readings of some tokens. */
  #readings(tokens: readonly number[]): readonly Reading[] {
    const key = tokens.join(" ");
    const known = this.#known.get(key);
    if (known) return known;
    const last = tokens[tokens.length - 1];
    const found = new Map<string, Reading>();
    for (const before of this.#readings(tokens.slice(0, -1))) {
      for (const { token, reading } of this.#steps(before)) {
        if (token !== last || !reading) continue;
        found.set(`${reading.left} ${reading.word} ${reading.place}`, reading);
      }
    }
    const readings = [...found.values()];
    this.#known.set(key, readings);
    return readings;
  }

  /** Every way to go on from a reading, and where it leads; nowhere after the end of text. */
  #steps({ left, word, place }: Reading): { token: number; reading?: Reading }[] {
    if (word >= 0) return [this.#step(left, word, place)];
    const open = left.flatMap((count, i) => count > 0 ? [i] : []);
    if (open.length === 0) return [{ token: this.endOfText }];
    return open.map((i) => this.#step(left.map((count, j) => j === i ? count - 1 : count), i, 0));
  }

  /** The next token of a word. */
  #step(left: readonly number[], word: number, place: number) {
    const tokens = this.#words[word];
    const done = place + 1 === tokens.length;
    const reading = { left, word: done ? -1 : word, place: done ? 0 : place + 1 };
    return { token: tokens[place], reading };
  }
}
