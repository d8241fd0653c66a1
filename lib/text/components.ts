import type { AddedToken } from "./added_tokens.ts";
import { CHARACTER_OF_BYTE } from "./byte_alphabet.ts";
import { lowerCase } from "./bert_categories.ts";
import { BytePairModel } from "./byte_pair_model.ts";
import { JsonFields, show, unsupported } from "./json_fields.ts";
import { bertRule, type CharacterRule } from "./normalize.ts";
import type { TokenSink } from "./token_sink.ts";
import { WordPieceModel } from "./word_piece_model.ts";

/** The rules that a tokenizer.json's `normalizer` asks for, in their order. */
export function readNormalizer(value: unknown): CharacterRule[] {
  if (value === null || value === undefined) return [];
  const fields = new JsonFields(value, "normalizer");
  const type = fields.any("type");
  let rules: CharacterRule[];
  if (type === "Sequence") rules = fields.array("normalizers").flatMap(readNormalizer);
  else if (type === "Lowercase") rules = [lowerCase];
  else if (type === "BertNormalizer") {
    rules = [bertRule({
      cleanText: fields.boolean("clean_text"),
      handleChineseCharacters: fields.boolean("handle_chinese_chars"),
      stripAccents: fields.any("strip_accents") === null ? null : fields.boolean("strip_accents"),
      lowercase: fields.boolean("lowercase"),
    })];
  } else throw unsupported("normalizer", type, "BertNormalizer, Lowercase and Sequence");
  fields.done();
  return rules;
}

/** What a tokenizer.json's `pre_tokenizer` asks for. */
export type PreTokenizer =
  | { type: "ByteLevel"; addPrefixSpace: boolean; usePattern: boolean }
  | { type: "BertPreTokenizer" };

export function readPreTokenizer(value: unknown): PreTokenizer {
  const fields = new JsonFields(value, "pre_tokenizer");
  const type = fields.any("type");
  let result: PreTokenizer;
  if (type === "ByteLevel") {
    fields.boolean("trim_offsets", true); // Only the post-processor acts on it.
    result = {
      type,
      addPrefixSpace: fields.boolean("add_prefix_space"),
      usePattern: fields.boolean("use_regex", true),
    };
  } else if (type === "BertPreTokenizer") result = { type };
  else throw unsupported("pre_tokenizer", type, "ByteLevel and BertPreTokenizer");
  fields.done();
  return result;
}

/** A vocabulary with the model that uses it. */
export interface Model {
  vocab: Map<string, number>;
  encode(text: string, start: number, end: number, shift: number, sink: TokenSink): void;
}

/** The model a tokenizer.json describes, put together with its pre-tokeniser. */
export function readModel(value: unknown, preTokenizer: PreTokenizer): Model {
  const fields = new JsonFields(value, "model");
  // The first files of this format, GPT-2's among them, do not name the model's type.
  const type = fields.any("type") ?? (fields.any("merges") === null ? "WordPiece" : "BPE");
  if (type !== "BPE" && type !== "WordPiece") throw unsupported("model", type, "BPE and WordPiece");
  const expected = type === "BPE" ? "ByteLevel" : "BertPreTokenizer";
  if (preTokenizer.type !== expected) {
    throw new Error(
      `tokenizer.json: a ${type} model with the pre_tokenizer ${preTokenizer.type} is not ` +
        `supported; supported is ${type} with ${expected}.`,
    );
  }
  const vocab = readVocab(fields.any("vocab"));
  let model: BytePairModel | WordPieceModel;
  if (preTokenizer.type === "ByteLevel") {
    fields.only("dropout", null, 0);
    const unknownToken = fields.any("unk_token");
    if (unknownToken !== null && !CHARACTER_OF_BYTE.every((character) => vocab.has(character))) {
      throw new Error(
        `tokenizer.json: model.unk_token was ${show(unknownToken)}, which is supported only ` +
          "where it is never used: with all 256 bytes in the vocabulary.",
      );
    }
    fields.only("continuing_subword_prefix", null, "");
    fields.only("end_of_word_suffix", null, "");
    fields.only("byte_fallback", null, false);
    fields.boolean("fuse_unk", false); // Says nothing without an unknown token.
    model = new BytePairModel({
      vocab,
      merges: readMerges(fields.array("merges")),
      ignoreMerges: fields.boolean("ignore_merges", false),
      usePattern: preTokenizer.usePattern,
    });
  } else {
    model = new WordPieceModel({
      vocab,
      unknownToken: fields.string("unk_token"),
      continuingPrefix: fields.string("continuing_subword_prefix"),
      maxCharactersPerWord: fields.count("max_input_chars_per_word"),
    });
  }
  fields.done();
  return { vocab, encode: model.encode.bind(model) };
}

function readVocab(value: unknown): Map<string, number> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`tokenizer.json: model.vocab was ${show(value)}; expected an object.`);
  }
  const vocab = new Map(Object.entries(value));
  for (const [token, id] of vocab) {
    if (!Number.isInteger(id) || id < 0 || id > 0x7fffffff) {
      throw new TypeError(
        `tokenizer.json: the id of ${show(token)} in model.vocab was ${show(id)}; ` +
          "expected a whole number from 0 to 2147483647.",
      );
    }
  }
  return vocab;
}

/** Merges as pairs; older files write a pair as one string with a blank in between. */
function readMerges(list: unknown[]): [string, string][] {
  return list.map((merge, rank) => {
    const parts = typeof merge === "string" ? merge.split(" ") : merge;
    if (
      !Array.isArray(parts) || parts.length !== 2 || parts.some((part) => typeof part !== "string")
    ) {
      throw new TypeError(
        `tokenizer.json: model.merges[${rank}] was ${show(merge)}; expected two tokens.`,
      );
    }
    return parts as [string, string];
  });
}

/** The added tokens of a tokenizer.json. */
export function readAddedTokens(value: unknown): AddedToken[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) {
    throw new TypeError(`tokenizer.json: added_tokens was ${show(value)}; expected a list.`);
  }
  return value.map((entry, index) => {
    const fields = new JsonFields(entry, `added_tokens[${index}]`);
    const token: AddedToken = {
      id: fields.count("id"),
      content: fields.string("content"),
      single_word: fields.boolean("single_word"),
      lstrip: fields.boolean("lstrip"),
      rstrip: fields.boolean("rstrip"),
      normalized: fields.boolean("normalized"),
      special: fields.boolean("special"),
    };
    fields.done();
    return token;
  });
}

/** How a tokenizer.json's `decoder` puts tokens together. */
export type Decoder =
  | { type: "join" }
  | { type: "ByteLevel" }
  | { type: "WordPiece"; prefix: string; cleanup: boolean };

export function readDecoder(value: unknown): Decoder {
  if (value === null || value === undefined) return { type: "join" };
  const fields = new JsonFields(value, "decoder");
  const type = fields.any("type");
  let decoder: Decoder;
  if (type === "ByteLevel") {
    // These three settings belong to the other roles of ByteLevel.
    for (const key of ["add_prefix_space", "trim_offsets", "use_regex"]) fields.boolean(key, true);
    decoder = { type };
  } else if (type === "WordPiece") {
    decoder = { type, prefix: fields.string("prefix"), cleanup: fields.boolean("cleanup") };
  } else throw unsupported("decoder", type, "ByteLevel and WordPiece");
  fields.done();
  return decoder;
}
