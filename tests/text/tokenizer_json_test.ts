import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Tokenizer, trainBpe, trainWordPiece } from "cutloss/text/mod.ts";
import { loadTokenizer, readFixture } from "./fixtures.ts";

type Json = Record<string, unknown>;

const bpe = await readFixture<Json>("byte_level_bpe.json");
const wordPiece = await readFixture<Json>("word_piece.json");

const bertNormalizer = wordPiece.normalizer as Json;
const model = bpe.model as Json;

const refused: [what: string, base: Json, settings: Json, named: string[]][] = [
  ["a Unigram model", bpe, { model: { type: "Unigram", vocab: [] } }, ["model", "Unigram"]],
  ["dropout", bpe, { model: { ...model, dropout: 0.1 } }, ["model.dropout", "0.1"]],
  ["byte fallback", bpe, { model: { ...model, byte_fallback: true } }, ["model.byte_fallback"]],
  ["an unknown token that may be needed", bpe, {
    model: { ...model, unk_token: "?", vocab: { "?": 0 }, merges: [] },
  }, ["model.unk_token"]],
  ["a word suffix", bpe, { model: { ...model, end_of_word_suffix: "</w>" } }, ["</w>"]],
  ["a field we have never heard of", bpe, { model: { ...model, magic: 1 } }, ["model", '"magic"']],
  ["NFKC", bpe, { normalizer: { type: "NFKC" } }, ["normalizer", "NFKC"]],
  ["a normalizer inside a sequence", bpe, {
    normalizer: { type: "Sequence", normalizers: [bertNormalizer, { type: "Nmt" }] },
  }, ["normalizer", "Nmt"]],
  ["Metaspace", bpe, { pre_tokenizer: { type: "Metaspace", replacement: "_" } }, ["Metaspace"]],
  ["BPE over BERT's words", bpe, { pre_tokenizer: { type: "BertPreTokenizer" } }, [
    "BPE",
    "BertPreTokenizer",
  ]],
  ["no pre-tokeniser", bpe, { pre_tokenizer: null }, ["pre_tokenizer"]],
  ["a CTC decoder", wordPiece, { decoder: { type: "CTC" } }, ["decoder", "CTC"]],
  ["another post-processor", wordPiece, { post_processor: { type: "Magic" } }, [
    "post_processor",
    "Magic",
  ]],
  ["a stride", wordPiece, {
    truncation: { direction: "Right", max_length: 9, strategy: "LongestFirst", stride: 2 },
  }, ["truncation.stride", "2"]],
  ["a future version", bpe, { version: "2.0" }, ["version", "2.0"]],
  ["a part we have never heard of", bpe, { watermark: {} }, ['"watermark"']],
  ["an added token with a new setting", bpe, {
    added_tokens: [{ ...(bpe.added_tokens as Json[])[0], fuzzy: true }],
  }, ["added_tokens[0]", '"fuzzy"']],
];

for (const [what, base, settings, named] of refused) {
  Deno.test(`A tokenizer.json that asks for ${what} is refused, and the error names it`, () => {
    const error = assertThrows(() => Tokenizer.fromJson({ ...base, ...settings }), Error);
    for (const part of named) assert(error.message.includes(part), error.message);
  });
}

Deno.test("A merge of tokens that the vocabulary lacks is an error that names it", () => {
  const merges = [["x", "nope"]];
  const json = { ...bpe, model: { ...model, merges } };
  assertThrows(() => Tokenizer.fromJson(json), Error, '"nope"');
});

Deno.test("Older files write merges as strings", () => {
  const merges = (model.merges as string[][]).map((pair) => pair.join(" "));
  const older = Tokenizer.fromJson({ ...bpe, model: { ...model, merges } });
  const text = "kato mira <|end|> it's";
  assertEquals(older.encode(text).ids, Tokenizer.fromJson(bpe).encode(text).ids);
});

Deno.test("Files as old as GPT-2's leave the model's type and later settings out", () => {
  const { vocab, merges } = model;
  const level = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  const gpt2 = Tokenizer.fromJson({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: bpe.added_tokens,
    normalizer: null,
    pre_tokenizer: level,
    post_processor: { ...level, add_prefix_space: true, trim_offsets: false },
    decoder: { ...level, add_prefix_space: true },
    model: {
      dropout: null,
      unk_token: "",
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      vocab,
      merges,
    },
  });
  const text = "kato mira <|end|> it's";
  assertEquals(gpt2.encode(text).ids, Tokenizer.fromJson(bpe).encode(text).ids);
  const { type: _, ...untyped } = wordPiece.model as Json;
  const bert = Tokenizer.fromJson({ ...wordPiece, model: untyped });
  assertEquals(bert.encode(text).ids, Tokenizer.fromJson(wordPiece).encode(text).ids);
});

Deno.test("What is written is what was read, down to the last field", () => {
  for (const json of [bpe, wordPiece]) assertEquals(Tokenizer.fromJson(json).toJson(), json);
});

Deno.test("Truncation and padding are written and read", async () => {
  const tokenizer = await loadTokenizer("word_piece");
  tokenizer.truncation = { maxLength: 8, direction: "left", strategy: "onlyFirst" };
  tokenizer.padding = {
    to: 10,
    direction: "left",
    multipleOf: 4,
    id: 0,
    typeId: 0,
    token: "[PAD]",
  };
  const again = Tokenizer.fromJson(JSON.stringify(tokenizer.toJson()));
  assertEquals(again.truncation, tokenizer.truncation);
  assertEquals(again.padding, tokenizer.padding);
  const encoding = again.encode("ka to mi ra shi no ve lu pen dor sta");
  assertEquals(encoding.length, 12);
  assertEquals([...encoding.attentionMask], [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
});

Deno.test("A trained tokenizer is the same after saving and loading", () => {
  for (
    const tokenizer of [
      trainBpe(["some text, some more text"], { vocabSize: 270, specialTokens: ["<|end|>"] }),
      trainWordPiece(["some text, some more text"], { vocabSize: 40 }),
    ]
  ) {
    const again = Tokenizer.fromJson(JSON.stringify(tokenizer.toJson()));
    const text = "some more <|end|> text [SEP]";
    assertEquals(again.encode(text), tokenizer.encode(text));
    assertEquals(again.vocabSize, tokenizer.vocabSize);
  }
});

Deno.test("load reads a directory, a file and a URL, absolute or from the working directory", async () => {
  const folder = new URL("../fixtures/text/", import.meta.url);
  const file = new URL("word_piece.json", folder);
  const directory = await Deno.makeTempDir({ prefix: "50% #1 " });
  try {
    await Deno.copyFile(file, `${directory}/tokenizer.json`);
    const ids = Tokenizer.fromJson(wordPiece).encode("kato mi").ids;
    const sources = [file, directory, `${directory}/`, `${directory}/tokenizer.json`];
    for (const source of sources) {
      assertEquals((await Tokenizer.load(source)).encode("kato mi").ids, ids, String(source));
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  const relative = await Tokenizer.load("tests/fixtures/text/word_piece.json");
  assertEquals(relative.vocabSize, 701);
});

Deno.test("load says which file it could not read", async () => {
  await assertRejects(
    () => Tokenizer.load("/no/such/place"),
    Error,
    "/no/such/place/tokenizer.json",
  );
});
