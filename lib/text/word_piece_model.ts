import { BertSplitter } from "./bert_splitter.ts";
import type { TokenSink } from "./token_sink.ts";
import { textOf, unitsOf } from "./units.ts";
import { WordCache, type WordTokens } from "./word_cache.ts";

/** What makes up a WordPiece model. */
export interface WordPieceModelOptions {
  vocab: Map<string, number>;
  /** The token for words that cannot be put together. */
  unknownToken: string;
  /** What a token inside a word starts with. */
  continuingPrefix: string;
  /** Words of more characters than this are unknown. */
  maxCharactersPerWord: number;
}

/**
 * WordPiece as BERT uses it: at each place of a word the longest token that fits, and `[UNK]` for
 * the whole word if at some place none does (Devlin et al. 2019; google-research/bert,
 * `WordpieceTokenizer`).
 */
export class WordPieceModel {
  readonly #first = new Map<string, number>();
  readonly #inside = new Map<string, number>();
  readonly #options: WordPieceModelOptions;
  readonly #longest: number;
  readonly #cache = new WordCache((units, from, to) =>
    this.#tokenizeWord(textOf(units, from, to), from)
  );
  readonly #tokens: WordTokens;

  constructor(options: WordPieceModelOptions) {
    this.#options = options;
    let longest = 1;
    for (const [token, id] of options.vocab) {
      longest = Math.max(longest, token.length);
      this.#first.set(token, id);
      if (token.startsWith(options.continuingPrefix)) {
        this.#inside.set(token.slice(options.continuingPrefix.length), id);
      }
    }
    this.#longest = longest;
    const room = 2 * options.maxCharactersPerWord + 1;
    this.#tokens = {
      ids: new Int32Array(room),
      from: new Int32Array(room),
      to: new Int32Array(room),
      length: 0,
    };
  }

  /** Appends the tokens of `text.slice(start, end)`, with offsets shifted by `shift`. */
  encode(text: string, start: number, end: number, shift: number, sink: TokenSink): void {
    const units = unitsOf(text, start, end);
    const splitter = new BertSplitter(units);
    while (splitter.next()) {
      this.#cache.append(units, splitter.start, splitter.end, start + shift, sink);
    }
  }

  /** The tokens of a word that begins at `shift`. */
  #tokenizeWord(word: string, shift: number): WordTokens {
    const tokens = this.#tokens;
    tokens.length = 0;
    const put = (id: number, start: number, end: number) => {
      tokens.ids[tokens.length] = id;
      tokens.from[tokens.length] = shift + start;
      tokens.to[tokens.length++] = shift + end;
    };
    let at = isLonger(word, this.#options.maxCharactersPerWord) ? -1 : 0;
    while (at >= 0 && at < word.length) {
      const known = at === 0 ? this.#first : this.#inside;
      let end = Math.min(word.length, at + this.#longest), id: number | undefined;
      while (end > at && (id = known.get(word.slice(at, end))) === undefined) end--;
      if (id === undefined) at = -1;
      else {
        put(id, at, end);
        at = end;
      }
    }
    if (at < 0) {
      tokens.length = 0;
      put(this.#unknownId(), 0, word.length);
    }
    return tokens;
  }

  #unknownId(): number {
    const id = this.#options.vocab.get(this.#options.unknownToken);
    if (id === undefined) {
      throw new Error(
        `The text has a word that cannot be tokenised, and the vocabulary lacks the unknown ` +
          `token "${this.#options.unknownToken}".`,
      );
    }
    return id;
  }
}

function isLonger(word: string, characters: number): boolean {
  if (word.length <= characters) return false;
  return word.length > 2 * characters || [...word].length > characters;
}
