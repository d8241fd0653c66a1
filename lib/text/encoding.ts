/** How a tokenizer fills up short encodings. */
export interface PadOptions {
  /** Tokens each encoding shall have; longer ones stay as they are. */
  length: number;
  /** Which end is filled. Left is what generating text from a batch of prompts needs. */
  direction?: "left" | "right";
  id: number;
  typeId?: number;
}

/** The fields of an {@link Encoding}. */
export interface EncodingFields {
  ids: Uint32Array;
  offsets: Uint32Array;
  typeIds: Uint8Array;
  specialTokensMask: Uint8Array;
  attentionMask: Uint8Array;
}

/**
 * A text as tokens: for each of `length` tokens its id, the part of the text it stands for, which
 * of two texts it comes from, whether it was put in by a template, and whether it is more than
 * padding. All arrays but `offsets` have one entry a token.
 */
export class Encoding {
  /** Token ids. */
  readonly ids: Uint32Array;
  /**
   * Start and end of token `i` at `2i` and `2i + 1`, so that `text.slice(start, end)` is what the
   * token stands for; in UTF-16 units as JavaScript counts (Hugging Face's Python package counts
   * code points). A token that is part of a character stands for all of it. 0, 0 for template
   * and padding tokens.
   */
  readonly offsets: Uint32Array;
  /** 0 for the first text, 1 for the second, or what the template says. */
  readonly typeIds: Uint8Array;
  /** 1 for tokens that a template or padding has put in. */
  readonly specialTokensMask: Uint8Array;
  /** 0 for padding, 1 for everything else. */
  readonly attentionMask: Uint8Array;
  readonly #tokenOf: (id: number) => string | undefined;

  constructor(fields: EncodingFields, tokenOf: (id: number) => string | undefined) {
    this.ids = fields.ids;
    this.offsets = fields.offsets;
    this.typeIds = fields.typeIds;
    this.specialTokensMask = fields.specialTokensMask;
    this.attentionMask = fields.attentionMask;
    this.#tokenOf = tokenOf;
  }

  /** How many tokens there are. */
  get length(): number {
    return this.ids.length;
  }

  /** The tokens as the vocabulary writes them (a blank is `Ġ` in a byte-level vocabulary). */
  get tokens(): string[] {
    return Array.from(this.ids, (id) => this.#tokenOf(id) ?? "");
  }

  /** Start and end of token `index` in the text. */
  span(index: number): [start: number, end: number] {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(
        `index was ${index}; expected a token number from 0 to ${this.length - 1}.`,
      );
    }
    return [this.offsets[2 * index], this.offsets[2 * index + 1]];
  }

  /** Tokens `start` to `end` (not included), sharing this encoding's memory. */
  slice(start: number, end: number): Encoding {
    return new Encoding({
      ids: this.ids.subarray(start, end),
      offsets: this.offsets.subarray(2 * start, 2 * end),
      typeIds: this.typeIds.subarray(start, end),
      specialTokensMask: this.specialTokensMask.subarray(start, end),
      attentionMask: this.attentionMask.subarray(start, end),
    }, this.#tokenOf);
  }

  /** This encoding with one type for all tokens. */
  withType(typeId: number): Encoding {
    return new Encoding(
      { ...this as EncodingFields, typeIds: new Uint8Array(this.length).fill(typeId) },
      this.#tokenOf,
    );
  }

  /** This encoding with padding tokens, as long as `options.length` says. */
  pad(options: PadOptions): Encoding {
    const missing = options.length - this.length;
    if (missing <= 0) return this;
    const ids = new Uint32Array(missing).fill(options.id);
    const padding = new Encoding({
      ids,
      offsets: new Uint32Array(2 * missing),
      typeIds: new Uint8Array(missing).fill(options.typeId ?? 0),
      specialTokensMask: new Uint8Array(missing).fill(1),
      attentionMask: new Uint8Array(missing),
    }, this.#tokenOf);
    return Encoding.join(options.direction === "left" ? [padding, this] : [this, padding]);
  }

  /** Encodings one behind the other. At least one is needed; it names the tokens. */
  static join(parts: readonly Encoding[]): Encoding {
    if (parts.length === 1) return parts[0];
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const fields: EncodingFields = {
      ids: new Uint32Array(length),
      offsets: new Uint32Array(2 * length),
      typeIds: new Uint8Array(length),
      specialTokensMask: new Uint8Array(length),
      attentionMask: new Uint8Array(length),
    };
    let at = 0;
    for (const part of parts) {
      fields.ids.set(part.ids, at);
      fields.offsets.set(part.offsets, 2 * at);
      fields.typeIds.set(part.typeIds, at);
      fields.specialTokensMask.set(part.specialTokensMask, at);
      fields.attentionMask.set(part.attentionMask, at);
      at += part.length;
    }
    return new Encoding(fields, parts[0].#tokenOf);
  }
}
