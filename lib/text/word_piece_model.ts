import { BertSplitter } from "./bert_splitter.ts";
import type { TokenSink } from "./token_sink.ts";
import { TokenTrie } from "./token_trie.ts";
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
  readonly #first = new TokenTrie();
  readonly #inside = new TokenTrie();
  readonly #options: WordPieceModelOptions;
  readonly #cache = new WordCache((units, from, to) => this.#tokenizeWord(units, from, to));
  readonly #tokens: WordTokens;

  constructor(options: WordPieceModelOptions) {
    this.#options = options;
    for (const [token, id] of options.vocab) {
      this.#first.add(token, id);
      if (token.startsWith(options.continuingPrefix)) {
        this.#inside.add(token.slice(options.continuingPrefix.length), id);
      }
    }
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

  #tokenizeWord(units: Uint16Array, from: number, to: number): WordTokens {
    const tokens = this.#tokens;
    tokens.length = 0;
    const put = (id: number, start: number, end: number) => {
      tokens.ids[tokens.length] = id;
      tokens.from[tokens.length] = start;
      tokens.to[tokens.length++] = end;
    };
    let at = isLonger(units, from, to, this.#options.maxCharactersPerWord) ? -1 : from;
    while (at >= 0 && at < to) {
      const trie = at === from ? this.#first : this.#inside;
      const id = trie.match(units, at, to);
      if (id < 0) at = -1;
      else {
        put(id, at, trie.end);
        at = trie.end;
      }
    }
    if (at < 0) {
      tokens.length = 0;
      put(this.#unknownId(), from, to);
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

function isLonger(units: Uint16Array, from: number, to: number, characters: number): boolean {
  if (to - from <= characters) return false;
  return to - from > 2 * characters || [...textOf(units, from, to)].length > characters;
}
