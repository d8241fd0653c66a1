import { type AddedToken, AddedTokenMatcher } from "./added_tokens.ts";
import {
  type Decoder,
  type Model,
  type PreTokenizer,
  readAddedTokens,
  readDecoder,
  readModel,
  readNormalizer,
  readPreTokenizer,
} from "./components.ts";
import { decodeTokens } from "./decode.ts";
import { Encoding } from "./encoding.ts";
import { JsonFields, type JsonObject, show } from "./json_fields.ts";
import {
  pad,
  type Padding,
  readPadding,
  readTruncation,
  truncate,
  type Truncation,
  writePadding,
  writeTruncation,
} from "./lengths.ts";
import { Normalizer } from "./normalize.ts";
import {
  applyTemplate,
  countTemplateTokens,
  type PostProcessor,
  readPostProcessor,
} from "./post_process.ts";
import { readTextFile } from "./read_text_file.ts";
import { TokenSink } from "./token_sink.ts";
import { trimOffsets } from "./trim_offsets.ts";

/** What {@link Tokenizer.encode} may be asked for. */
export interface EncodeOptions {
  /** Put the template's tokens (`[CLS]`, `[SEP]`) around the text; true unless said otherwise. */
  addSpecialTokens?: boolean;
}

/** One text, or two that belong together. */
export type TextInput = string | readonly [string, string];

/**
 * A tokenizer as a `tokenizer.json` describes it: byte-level BPE (GPT-2, RoBERTa) or WordPiece
 * (BERT, DistilBERT), with ids equal to those of Hugging Face's `tokenizers`. What the file asks
 * for that is not done here is named in an error when it is loaded.
 *
 * ```ts
 * import { trainBpe } from "cutloss/text/mod.ts";
 *
 * const tokenizer = trainBpe(["low lower lowest", "new newer newest"], { vocabSize: 270 });
 * const encoding = tokenizer.encode("lowest newest");
 * console.log(encoding.tokens, tokenizer.decode(encoding.ids));
 * ```
 */
export class Tokenizer {
  /** How long texts are cut; null for never. */
  truncation: Truncation | null;
  /** How short texts are filled up; null for never. */
  padding: Padding | null;
  /** Tokens looked for before the model sees the text, in the order of their ids. */
  readonly addedTokens: readonly AddedToken[];

  readonly #json: JsonObject;
  readonly #preTokenizer: PreTokenizer;
  readonly #model: Model;
  readonly #postProcessor: PostProcessor;
  readonly #decoder: Decoder;
  readonly #normalizer: Normalizer | null;
  readonly #rawMatcher: AddedTokenMatcher;
  readonly #normalizedMatcher: AddedTokenMatcher;
  readonly #tokenOfId: (string | undefined)[] = [];
  readonly #specialIds: Set<number>;
  readonly #addedIds: Map<string, number>;

  private constructor(json: JsonObject) {
    this.#json = json;
    const fields = new JsonFields(json, "the file");
    fields.only("version", null, "1.0");
    const rules = readNormalizer(fields.any("normalizer"));
    this.#preTokenizer = readPreTokenizer(fields.any("pre_tokenizer"));
    this.#model = readModel(fields.any("model"), this.#preTokenizer);
    this.#postProcessor = readPostProcessor(fields.any("post_processor"));
    this.#decoder = readDecoder(fields.any("decoder"));
    this.addedTokens = readAddedTokens(fields.any("added_tokens")).sort((a, b) => a.id - b.id);
    this.truncation = readTruncation(fields.any("truncation"));
    this.padding = readPadding(fields.any("padding"));
    fields.done();

    this.#normalizer = rules.length > 0 ? new Normalizer(rules) : null;
    const normalize = (content: string) => this.#normalizer?.apply(content) ?? content;
    this.#rawMatcher = new AddedTokenMatcher(this.addedTokens.filter((t) => !t.normalized));
    this.#normalizedMatcher = new AddedTokenMatcher(
      this.addedTokens.filter((t) => t.normalized),
      normalize,
    );
    for (const [token, id] of this.#model.vocab) this.#tokenOfId[id] = token;
    for (const token of this.addedTokens) {
      this.#tokenOfId[token.id] = token.normalized ? normalize(token.content) : token.content;
    }
    this.#specialIds = new Set(this.addedTokens.filter((t) => t.special).map((t) => t.id));
    this.#addedIds = new Map(this.addedTokens.map((t) => [t.content, t.id]));
  }

  /**
   * Reads `tokenizer.json` from a directory, or the file itself if the name ends in `.json`. It is
   * fetched: a URL (`https:`, `file:`) or a path, which is taken relative to the page in a browser
   * and to the working directory elsewhere.
   */
  static async load(source: string | URL): Promise<Tokenizer> {
    const path = String(source);
    const file = path.endsWith(".json") ? path : path.replace(/\/?$/, "/tokenizer.json");
    return Tokenizer.fromJson(await readTextFile(file));
  }

  /** Reads a `tokenizer.json` from its text or from the parsed object. */
  static fromJson(json: string | object): Tokenizer {
    const parsed: unknown = typeof json === "string" ? JSON.parse(json) : json;
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
      throw new TypeError(`json was ${show(parsed)}; expected the object of a tokenizer.json.`);
    }
    return new Tokenizer(parsed as JsonObject);
  }

  /** The `tokenizer.json` of this tokenizer, with its present truncation and padding. */
  toJson(): JsonObject {
    return {
      ...this.#json,
      truncation: writeTruncation(this.truncation),
      padding: writePadding(this.padding),
    };
  }

  /** How many tokens there are, the added ones included. */
  get vocabSize(): number {
    const added = [...this.#addedIds.keys()].filter((token) => !this.#model.vocab.has(token));
    return this.#model.vocab.size + added.length;
  }

  /** The id of a token as the vocabulary writes it; undefined if there is none. */
  tokenToId(token: string): number | undefined {
    return this.#addedIds.get(token) ?? this.#model.vocab.get(token);
  }

  /** The token with an id; undefined if there is none. */
  idToToken(id: number): string | undefined {
    return this.#tokenOfId[id];
  }

  /**
   * Encodes one text, or a pair of texts, then cuts and pads as the tokenizer is set.
   * Takes n log n time for any text of n characters.
   */
  encode(input: TextInput, options: EncodeOptions = {}): Encoding {
    return this.encodeBatch([input], options)[0];
  }

  /** Encodes several texts; padding "to the longest" means the longest of them. */
  encodeBatch(inputs: readonly TextInput[], options: EncodeOptions = {}): Encoding[] {
    const encodings = inputs.map((input) => this.#encodeInput(input, options));
    return this.padding ? pad(encodings, this.padding) : encodings;
  }

  /**
   * The text that ids stand for. Ids without a token are passed over. Special tokens are written
   * out unless `skipSpecialTokens` is set, so that `decode(encode(text).ids)` is `text` for every
   * text with a byte-level vocabulary of all bytes and no template.
   */
  decode(ids: Iterable<number>, options: { skipSpecialTokens?: boolean } = {}): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.#tokenOfId[id];
      if (token === undefined) continue;
      if (options.skipSpecialTokens && this.#specialIds.has(id)) continue;
      tokens.push(token);
    }
    return decodeTokens(tokens, this.#decoder);
  }

  #encodeInput(input: TextInput, options: EncodeOptions): Encoding {
    const texts = typeof input === "string" ? [input] : input;
    const addSpecialTokens = options.addSpecialTokens ?? true;
    let encodings = texts.map((text) => this.#encodeText(text));
    if (this.truncation) {
      const frame = addSpecialTokens
        ? countTemplateTokens(this.#postProcessor, texts.length > 1)
        : 0;
      const room = Math.max(0, this.truncation.maxLength - frame);
      encodings = truncate(encodings, this.truncation, room);
    }
    const trim = this.#postProcessor.trimOffsets;
    if (trim) {
      const isAdded = new Set(this.addedTokens.map((token) => token.id));
      const tokenOf = (id: number) => isAdded.has(id) ? undefined : this.#tokenOfId[id];
      encodings.forEach((encoding, index) =>
        trimOffsets(texts[index], encoding, trim.addPrefixSpace, tokenOf)
      );
    }
    const tokenOf = (id: number) => this.#tokenOfId[id];
    return applyTemplate(this.#postProcessor, encodings, addSpecialTokens, tokenOf);
  }

  #encodeText(text: string): Encoding {
    // Four characters a token are usual for English; the list grows if there are more.
    const sink = new TokenSink(16 + (text.length >> 2));
    for (const part of this.#rawMatcher.split(text)) {
      if (part.id >= 0) sink.push(part.id, part.start, part.end);
      else if (this.#normalizer) this.#encodeNormalized(text, part.start, part.end, sink);
      else this.#encodeParts(text, part.start, part.end, 0, sink);
    }
    const length = sink.length;
    return new Encoding({
      ids: sink.ids.subarray(0, length),
      offsets: sink.offsets.subarray(0, 2 * length),
      typeIds: new Uint8Array(length),
      specialTokensMask: new Uint8Array(length),
      attentionMask: new Uint8Array(length).fill(1),
    }, (id) => this.#tokenOfId[id]);
  }

  /** Normalises a part, encodes it, and carries the offsets back to the original. */
  #encodeNormalized(text: string, start: number, end: number, sink: TokenSink): void {
    const normalized = this.#normalizer!.normalize(text.slice(start, end));
    const first = sink.length;
    this.#encodeParts(normalized.text, 0, normalized.text.length, 0, sink);
    const { offsets } = sink;
    for (let i = 2 * first; i < 2 * sink.length; i += 2) {
      const from = offsets[i], to = offsets[i + 1];
      offsets[i] = start + normalized.from[from];
      offsets[i + 1] = start + normalized.to[Math.max(from, to - 1)];
    }
  }

  #encodeParts(text: string, start: number, end: number, shift: number, sink: TokenSink): void {
    const isWhole = start === 0 && end === text.length;
    const slice = isWhole ? text : text.slice(start, end);
    for (const part of this.#normalizedMatcher.split(slice)) {
      if (part.id >= 0) sink.push(part.id, start + part.start, start + part.end);
      else this.#encodePart(slice, part.start, part.end, start + shift, sink);
    }
  }

  #encodePart(text: string, start: number, end: number, shift: number, sink: TokenSink): void {
    const { type } = this.#preTokenizer;
    if (
      type !== "ByteLevel" || !this.#preTokenizer.addPrefixSpace || text[start] === " "
    ) {
      this.#model.encode(text, start, end, shift, sink);
      return;
    }
    // The blank put in front counts as part of the first character.
    const first = sink.length;
    const padded = " " + text.slice(start, end);
    this.#model.encode(padded, 0, padded.length, 0, sink);
    const width = padded.codePointAt(1)! > 0xffff ? 2 : 1;
    for (let i = first; i < sink.length; i++) {
      const from = sink.offsets[2 * i], to = sink.offsets[2 * i + 1];
      sink.offsets[2 * i] = start + shift + Math.max(0, from - 1);
      sink.offsets[2 * i + 1] = start + shift + Math.max(width, to - 1);
    }
  }
}
