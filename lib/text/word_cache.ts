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

/**
 * Remembers the tokens of words, for most words of a text have occurred before: looking one up
 * costs about as much as reading it.
 */
export class WordCache {
  readonly #tokenize: (text: string, from: number, to: number) => WordTokens;
  readonly #words = new WordTable();
  // The tokens of word w are entries #starts[w] … #starts[w + 1].
  #starts = new Int32Array(1 << 9);
  #ids = new Int32Array(1 << 11);
  #from = new Int32Array(1 << 11);
  #to = new Int32Array(1 << 11);

  /** `tokenize` makes the tokens of `text.slice(from, to)`; it may reuse its arrays. */
  constructor(tokenize: (text: string, from: number, to: number) => WordTokens) {
    this.#tokenize = tokenize;
  }

  /** Appends the tokens of `text.slice(from, to)` to `sink`, with offsets shifted by `shift`. */
  append(text: string, from: number, to: number, shift: number, sink: TokenSink): void {
    if (to - from > LONGEST_CACHED) {
      const tokens = this.#tokenize(text, from, to);
      sink.reserve(tokens.length);
      for (let i = 0; i < tokens.length; i++) {
        sink.push(tokens.ids[i], tokens.from[i] + shift, tokens.to[i] + shift);
      }
      return;
    }
    if (this.#words.size >= MOST_CACHED) this.#words.clear();
    const before = this.#words.size;
    const word = this.#words.intern(text, from, to);
    if (this.#words.size > before) this.#store(word, this.#tokenize(text, from, to), from);
    const last = this.#starts[word + 1], at = from + shift;
    for (let i = this.#starts[word]; i < last; i++) {
      sink.push(this.#ids[i], at + this.#from[i], at + this.#to[i]);
    }
  }

  #store(word: number, tokens: WordTokens, wordStart: number): void {
    const first = word === 0 ? 0 : this.#starts[word], end = first + tokens.length;
    if (word + 2 > this.#starts.length) this.#starts = grow(this.#starts, word + 2);
    if (end > this.#ids.length) {
      this.#ids = grow(this.#ids, end);
      this.#from = grow(this.#from, end);
      this.#to = grow(this.#to, end);
    }
    for (let i = 0; i < tokens.length; i++) {
      this.#ids[first + i] = tokens.ids[i];
      this.#from[first + i] = tokens.from[i] - wordStart;
      this.#to[first + i] = tokens.to[i] - wordStart;
    }
    this.#starts[word] = first;
    this.#starts[word + 1] = end;
  }
}
