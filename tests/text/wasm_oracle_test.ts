/**
 * The encoders against `tokenizers-wasm`, Hugging Face's library compiled to WebAssembly, live in
 * the same process. It encodes only, wants merges as "a b", and sees added tokens only when it adds
 * special tokens; the fixtures cover the rest. Its Unicode tables are older than version 14 (U+0C5D is no
 * letter to it): in 40,000 strings like these one differs for that reason, none of those below.
 */
import { assertEquals } from "@std/assert";
import { type Tokenizer, trainBpe, trainWordPiece } from "cutloss/text/mod.ts";
import { TokenizerWasm } from "tokenizers-wasm";
import { loadTokenizer, randomNumbers } from "./fixtures.ts";
import { randomString } from "./random_text.ts";

/** The same tokenizer in the oracle. */
function oracle(tokenizer: Tokenizer): TokenizerWasm {
  const json = tokenizer.toJson() as { model: { merges?: [string, string][] } };
  const { merges } = json.model;
  const model = merges
    ? { ...json.model, merges: merges.map((pair) => pair.join(" ")) }
    : json.model;
  return new TokenizerWasm(JSON.stringify({ ...json, model }));
}

for (const [base, seed] of [["byte_level_bpe", 100], ["word_piece", 200]] as const) {
  Deno.test(`${base} equals tokenizers-wasm on 2,000 random strings`, async () => {
    const tokenizer = await loadTokenizer(base);
    const native = oracle(tokenizer);
    const random = randomNumbers(seed);
    for (let i = 0; i < 2000; i++) {
      const text = randomString(random, 30).toWellFormed();
      const encoding = native.encode(text, true);
      assertEquals([...tokenizer.encode(text).ids], [...encoding.input_ids], JSON.stringify(text));
      encoding.free();
    }
  });
}

Deno.test("A tokenizer trained and written here means the same to tokenizers-wasm", () => {
  const corpus = ["the theatre's thin, thick thing — déjà vu 日本 👍🏽 "];
  const random = randomNumbers(300);
  for (
    const tokenizer of [
      trainBpe(corpus, { vocabSize: 300, specialTokens: ["<|end|>"] }),
      trainWordPiece(corpus, { vocabSize: 70 }),
    ]
  ) {
    const native = oracle(tokenizer);
    for (let i = 0; i < 300; i++) {
      const text = randomString(random, 30).toWellFormed();
      const encoding = native.encode(text, true);
      assertEquals([...tokenizer.encode(text).ids], [...encoding.input_ids], JSON.stringify(text));
      encoding.free();
    }
  }
});
