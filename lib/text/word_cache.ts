import type { TokenSink } from "./token_sink.ts";
import { grow, WordTable } from "./word_table.ts";

/** Words longer than this (UTF-16 units) are tokenised anew each time they occur. */
const LONGEST_CACHED = 256;
/** When the cache holds this many words it starts again, so that its memory stays bounded. */
const MOST_CACHED = 1 << 18;

/** The tokens of one word: the first `length` entries of each array. */
export interface WordTokens {
  ids: Int32Array;
  /** Where in the text each token begins. */
  from: Int32Array;
  /** Where it ends. */
  to: Int32Array;
  length: number;
}

/** Makes the tokens of `units[from … to]`; the arrays may be the same each time. */
export type TokenizeWord = (units: Uint16Array, from: number, to: number) => WordTokens;

/**
 * Remembers the tokens of words, for most words of a text have occurred before: looking one up
 * costs about as much as reading it.
 */
export class WordCache {
  readonly #tokenize: TokenizeWord;
  readonly #words = new WordTable();
  /** The tokens of word w are entries #starts[w] … #starts[w + 1] of #tokens. */
  #starts = new Int32Array(1 << 9);
  /** Three numbers a token: its id, where in the word it begins, where it ends. */
  #tokens = new Int32Array(1 << 12);

  constructor(tokenize: TokenizeWord) {
    this.#tokenize = tokenize;
  }

  /** Appends the tokens of `units[from … to]` to `sink`, with offsets shifted by `shift`. */
  append(units: Uint16Array, from: number, to: number, shift: number, sink: TokenSink): void {
    if (to - from > LONGEST_CACHED) {
      const tokens = this.#tokenize(units, from, to);
      sink.reserve(tokens.length);
      for (let i = 0; i < tokens.length; i++) {
        sink.push(tokens.ids[i], tokens.from[i] + shift, tokens.to[i] + shift);
      }
      return;
    }
    if (this.#words.size >= MOST_CACHED) this.#words.clear();
    const before = this.#words.size;
    const word = this.#words.intern(units, from, to);
    if (this.#words.size > before) this.#store(word, this.#tokenize(units, from, to), from);
    const first = this.#starts[word], count = this.#starts[word + 1] - first;
    if (sink.length + count > sink.ids.length) sink.reserve(count);
    const tokens = this.#tokens, at = from + shift;
    const { ids, offsets } = sink;
    let write = sink.length;
    for (let i = 3 * first; i < 3 * (first + count); i += 3, write++) {
      ids[write] = tokens[i];
      offsets[2 * write] = at + tokens[i + 1];
      offsets[2 * write + 1] = at + tokens[i + 2];
    }
    sink.length = write;
  }

  #store(word: number, tokens: WordTokens, wordStart: number): void {
    const first = word === 0 ? 0 : this.#starts[word], end = first + tokens.length;
    if (word + 2 > this.#starts.length) this.#starts = grow(this.#starts, word + 2);
    if (3 * end > this.#tokens.length) this.#tokens = grow(this.#tokens, 3 * end);
    for (let i = 0; i < tokens.length; i++) {
      this.#tokens[3 * (first + i)] = tokens.ids[i];
      this.#tokens[3 * (first + i) + 1] = tokens.from[i] - wordStart;
      this.#tokens[3 * (first + i) + 2] = tokens.to[i] - wordStart;
    }
    this.#starts[word] = first;
    this.#starts[word + 1] = end;
  }
}
