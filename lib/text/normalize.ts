import { isBertControl, isChineseCharacter, lowerCase, stripAccents } from "./bert_categories.ts";

/** A changed text, and for each of its UTF-16 units the part of the original it comes from. */
export interface NormalizedText {
  text: string;
  /** Where the original of each unit begins. */
  from: Uint32Array;
  /** Where it ends. */
  to: Uint32Array;
}

/** What happens to one character: what stands in its place, possibly nothing. */
export type CharacterRule = (character: string) => string;

/** The settings of BERT's normaliser, named as in tokenizer.json. */
export interface BertNormalizerOptions {
  /** Drop control characters, turn all white space into blanks. */
  cleanText: boolean;
  /** Put blanks around Chinese characters, so that each becomes a word. */
  handleChineseCharacters: boolean;
  /** Take accents off; null follows `lowercase`. */
  stripAccents: boolean | null;
  lowercase: boolean;
}

const UNKNOWN = -1;
const WHITE_SPACE = /\p{White_Space}/u;

/** The rule of BERT's normaliser for one character (google-research/bert, `BasicTokenizer`). */
export function bertRule(options: BertNormalizerOptions): CharacterRule {
  const strip = options.stripAccents ?? options.lowercase;
  return (character) => {
    const code = character.codePointAt(0)!;
    if (options.cleanText) {
      if (code === 0 || isBertControl(code)) return "";
      if (WHITE_SPACE.test(character)) return " ";
    }
    let out = character;
    if (options.handleChineseCharacters && isChineseCharacter(code)) out = ` ${out} `;
    if (strip) out = changeEach(out, stripAccents);
    if (options.lowercase) out = changeEach(out, lowerCase);
    return out;
  };
}

/** Applies a rule to every character of a text. */
export function changeEach(text: string, rule: CharacterRule): string {
  let out = "";
  for (const character of text) out += rule(character);
  return out;
}

/**
 * Applies rules, one after the other, to each character of a text by itself. What a rule makes of a
 * character is remembered, so that a long text costs one look-up a character.
 */
export class Normalizer {
  readonly #rule: CharacterRule;
  readonly #known = new Map<number, string>();
  /** What becomes of the characters that turn into one unit, as soon as that is known. */
  readonly #single = new Int32Array(0x10000).fill(UNKNOWN);

  constructor(rules: readonly CharacterRule[]) {
    this.#rule = (character) => rules.reduce(changeEach, character);
  }

  /** The text alone. */
  apply(text: string): string {
    return this.normalize(text).text;
  }

  /** The text with its alignment. Lone surrogates become U+FFFD first, as in UTF-8. */
  normalize(text: string): NormalizedText {
    let units = new Uint16Array(text.length + 16);
    let from = new Uint32Array(units.length), to = new Uint32Array(units.length);
    let length = 0;
    for (let at = 0; at < text.length;) {
      const single = length < units.length ? this.#single[text.charCodeAt(at)] : UNKNOWN;
      if (single !== UNKNOWN) {
        units[length] = single;
        from[length] = at;
        to[length++] = ++at;
        continue;
      }
      const code = text.codePointAt(at)!;
      const next = at + (code > 0xffff ? 2 : 1);
      const out = this.#outputOf(code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
      if (length + out.length > units.length) {
        const room = 2 * (length + out.length);
        units = enlarge(units, new Uint16Array(room));
        from = enlarge(from, new Uint32Array(room));
        to = enlarge(to, new Uint32Array(room));
      }
      for (let i = 0; i < out.length; i++, length++) {
        units[length] = out.charCodeAt(i);
        from[length] = at;
        to[length] = next;
      }
      at = next;
    }
    return {
      text: new TextDecoder("utf-16le", { ignoreBOM: true }).decode(units.subarray(0, length)),
      from: from.subarray(0, length),
      to: to.subarray(0, length),
    };
  }

  #outputOf(code: number): string {
    let out = this.#known.get(code);
    if (out === undefined) {
      out = this.#rule(String.fromCodePoint(code));
      this.#known.set(code, out);
      if (out.length === 1 && code < 0xd800) this.#single[code] = out.charCodeAt(0);
    }
    return out;
  }
}

function enlarge<A extends Uint16Array | Uint32Array>(from: A, to: A): A {
  to.set(from as never);
  return to;
}
