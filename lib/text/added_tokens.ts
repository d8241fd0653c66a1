/** A token that is looked for in the text before any model sees it, as tokenizer.json writes it. */
export interface AddedToken {
  id: number;
  content: string;
  /** Only where no letter, digit or underscore touches it. */
  single_word: boolean;
  /** Takes the white space on its left along. */
  lstrip: boolean;
  /** Takes the white space on its right along. */
  rstrip: boolean;
  /** Looked for in the normalised text, in its own normalised form. */
  normalized: boolean;
  /** Left out when decoding without special tokens. */
  special: boolean;
}

/** A part of a text: an added token (`id` ≥ 0) or what lies between two of them (`id` −1). */
export interface TextPart {
  start: number;
  end: number;
  id: number;
}

/** Rust's `\w`, which Hugging Face's library uses here. */
const WORD_CHARACTER = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const WHITE_SPACE = /\p{White_Space}/u;

/**
 * Cuts texts at added tokens: the leftmost occurrence first, and of several tokens that start at
 * the same place the longest.
 */
export class AddedTokenMatcher {
  readonly #byFirst = new Map<string, { content: string; token: AddedToken }[]>();
  readonly #anyFirst: RegExp | null;

  /** `normalize` gives the form in which a token appears in the text to be searched. */
  constructor(tokens: readonly AddedToken[], normalize = (content: string) => content) {
    for (const token of tokens) {
      const content = normalize(token.content);
      if (content === "") continue;
      const same = this.#byFirst.get(content[0]);
      if (same) same.push({ content, token });
      else this.#byFirst.set(content[0], [{ content, token }]);
    }
    for (const same of this.#byFirst.values()) {
      same.sort((a, b) => b.content.length - a.content.length);
    }
    const firsts = [...this.#byFirst.keys()].map((unit) =>
      "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0")
    );
    this.#anyFirst = firsts.length > 0 ? new RegExp(`[${firsts.join("")}]`, "g") : null;
  }

  /** The parts of a text, which cover it without gaps; parts between tokens are never empty. */
  split(text: string): TextPart[] {
    const parts: TextPart[] = [];
    let done = 0;
    if (this.#anyFirst) {
      this.#anyFirst.lastIndex = 0;
      for (let hit; (hit = this.#anyFirst.exec(text));) {
        const at = hit.index;
        const match = this.#byFirst.get(text[at])!.find(({ content }) =>
          text.startsWith(content, at)
        );
        if (!match) continue;
        const { content, token } = match;
        const after = at + content.length;
        this.#anyFirst.lastIndex = after;
        if (token.single_word && (touchesWordBefore(text, at) || touchesWordAfter(text, after))) {
          continue;
        }
        let start = at, end = after;
        if (token.lstrip) {
          while (start > done && WHITE_SPACE.test(text[start - 1])) start--;
          start = Math.max(start, done);
        }
        if (token.rstrip) {
          while (end < text.length && WHITE_SPACE.test(text[end])) end++;
        }
        if (start > done) parts.push({ start: done, end: start, id: -1 });
        parts.push({ start, end, id: token.id });
        done = end;
      }
    }
    if (done < text.length) parts.push({ start: done, end: text.length, id: -1 });
    return parts;
  }
}

function touchesWordBefore(text: string, at: number): boolean {
  if (at === 0) return false;
  const pair = at > 1 && /[\udc00-\udfff]/.test(text[at - 1]) &&
    /[\ud800-\udbff]/.test(text[at - 2]);
  return WORD_CHARACTER.test(text.slice(at - (pair ? 2 : 1), at));
}

function touchesWordAfter(text: string, at: number): boolean {
  return at < text.length && WORD_CHARACTER.test(String.fromCodePoint(text.codePointAt(at)!));
}
