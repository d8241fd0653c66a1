import { CHARACTER_OF_BYTE, toByteCharacters } from "./byte_alphabet.ts";
import { Gpt2Splitter } from "./gpt2_splitter.ts";
import { MergeRules } from "./merge_word.ts";
import { codePointAt, textOf, unitsOf } from "./units.ts";
import type { TokenSink } from "./token_sink.ts";
import { WordCache, type WordTokens } from "./word_cache.ts";

/** What makes up a byte-level BPE model. */
export interface BytePairModelOptions {
  /** Tokens, written in the byte alphabet, and their ids. */
  vocab: Map<string, number>;
  /** Pairs of tokens to merge, the first learned first. */
  merges: readonly (readonly [string, string])[];
  /** A word that is in the vocabulary as a whole is not merged (Llama 3 asks for this). */
  ignoreMerges?: boolean;
  /** Split by GPT-2's pattern; if false, the whole text is one word. */
  usePattern?: boolean;
}

/** Byte-level BPE: text to ids, with the words already seen kept in a cache. */
export class BytePairModel {
  readonly #rules = new MergeRules();
  readonly #vocab: Map<string, number>;
  readonly #idOfByte = new Int32Array(256).fill(-1);
  readonly #ignoreMerges: boolean;
  readonly #usePattern: boolean;

  readonly #cache = new WordCache((units, from, to) => this.#tokenizeWord(units, from, to));

  // The word being merged: its symbols, and where in the text each begins and ends.
  #symbols = new Int32Array(256);
  #from = new Int32Array(256);
  #to = new Int32Array(256);

  constructor(options: BytePairModelOptions) {
    this.#vocab = options.vocab;
    this.#ignoreMerges = options.ignoreMerges ?? false;
    this.#usePattern = options.usePattern ?? true;
    CHARACTER_OF_BYTE.forEach((character, byte) => {
      this.#idOfByte[byte] = options.vocab.get(character) ?? -1;
    });
    options.merges.forEach(([left, right], rank) => {
      const idOf = (token: string, role: string) => {
        const id = options.vocab.get(token);
        if (id === undefined) {
          throw new Error(
            `Merge ${rank} (${left} ${right}) needs the ${role} "${token}", which is not in the ` +
              "vocabulary.",
          );
        }
        return id;
      };
      const [leftId, rightId] = [idOf(left, "left part"), idOf(right, "right part")];
      this.#rules.add(rank, leftId, rightId, idOf(left + right, "result"));
    });
  }

  /** Appends the tokens of `text.slice(start, end)`, with offsets shifted by `shift`. */
  encode(text: string, start: number, end: number, shift: number, sink: TokenSink): void {
    const units = unitsOf(text, start, end);
    if (this.#usePattern) {
      const splitter = new Gpt2Splitter(units);
      while (splitter.next()) {
        this.#cache.append(units, splitter.start, splitter.end, start + shift, sink);
      }
    } else if (end > start) this.#cache.append(units, 0, units.length, start + shift, sink);
  }

  #tokenizeWord(units: Uint16Array, from: number, to: number): WordTokens {
    const length = this.#mergeWord(units, from, to);
    return { ids: this.#symbols, from: this.#from, to: this.#to, length };
  }

  /** Leaves the tokens of one word in `#symbols`, `#from`, `#to`, and returns how many. */
  #mergeWord(units: Uint16Array, from: number, to: number): number {
    if (this.#ignoreMerges) {
      const whole = this.#vocab.get(toByteCharacters(textOf(units, from, to)));
      if (whole !== undefined) {
        this.#symbols[0] = whole;
        this.#from[0] = from;
        this.#to[0] = to;
        return 1;
      }
    }
    const length = this.#spellOut(units, from, to);
    return this.#rules.apply(this.#symbols, this.#from, this.#to, length);
  }

  /** One symbol per UTF-8 byte; bytes that the vocabulary lacks are left out, as upstream does. */
  #spellOut(units: Uint16Array, start: number, end: number): number {
    const most = 3 * (end - start);
    if (most > this.#symbols.length) {
      this.#symbols = new Int32Array(2 * most);
      this.#from = new Int32Array(2 * most);
      this.#to = new Int32Array(2 * most);
    }
    let length = 0;
    const put = (byte: number, from: number, to: number) => {
      const id = this.#idOfByte[byte];
      if (id < 0) return;
      this.#symbols[length] = id;
      this.#from[length] = from;
      this.#to[length++] = to;
    };
    for (let at = start; at < end;) {
      let code = codePointAt(units, at, end);
      const next = at + (code > 0xffff ? 2 : 1);
      if ((code & 0xfffff800) === 0xd800) code = 0xfffd; // A lone surrogate has no UTF-8 form.
      if (code < 0x80) put(code, at, next);
      else {
        if (code < 0x800) put(0xc0 | code >> 6, at, next);
        else {
          if (code < 0x10000) put(0xe0 | code >> 12, at, next);
          else {
            put(0xf0 | code >> 18, at, next);
            put(0x80 | code >> 12 & 0x3f, at, next);
          }
          put(0x80 | code >> 6 & 0x3f, at, next);
        }
        put(0x80 | code & 0x3f, at, next);
      }
      at = next;
    }
    return length;
  }
}
