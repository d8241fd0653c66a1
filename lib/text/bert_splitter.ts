import { isBertPunctuation } from "./bert_categories.ts";
import { codePointAt } from "./units.ts";

const WHITE_SPACE = /\p{White_Space}/u;
const INSIDE = 1, BLANK = 2, ALONE = 3;

/** What each code point is, found out when it is first met; 0 until then. */
const KINDS = new Uint8Array(0x110000);

function kindOf(code: number): number {
  if (KINDS[code] !== 0) return KINDS[code];
  if (WHITE_SPACE.test(String.fromCodePoint(code))) return KINDS[code] = BLANK;
  return KINDS[code] = isBertPunctuation(code) ? ALONE : INSIDE;
}

/**
 * Splits text the way BERT's pre-tokeniser does: words lie between white space, which is dropped,
 * and every punctuation character is a word of its own.
 */
export class BertSplitter {
  /** Where the current word begins, in UTF-16 units. */
  start: number;
  /** Where it ends. */
  end: number;
  readonly #units: Uint16Array;
  readonly #limit: number;

  /** @param units the UTF-16 units of the text */
  constructor(units: Uint16Array) {
    this.#units = units;
    this.#limit = units.length;
    this.start = 0;
    this.end = 0;
  }

  /** Moves to the next word; false at the end of the text. */
  next(): boolean {
    let at = this.end;
    while (at < this.#limit && this.#kindAt(at) === BLANK) at++; // White space is never astral.
    if (at >= this.#limit) return false;
    this.start = at;
    const first = this.#kindAt(at);
    at += this.#widthAt(at);
    while (first === INSIDE && at < this.#limit && this.#kindAt(at) === INSIDE) {
      at += this.#widthAt(at);
    }
    this.end = at;
    return true;
  }

  #kindAt(at: number): number {
    return kindOf(codePointAt(this.#units, at, this.#limit));
  }

  #widthAt(at: number): number {
    return codePointAt(this.#units, at, this.#limit) > 0xffff ? 2 : 1;
  }
}
