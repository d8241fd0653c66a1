import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Tokenizer, trainWordPiece } from "cutloss/text/mod.ts";

const corpus = ["Hugging hugs, hugged PUGS! Ünder the hug.", "pug pugs hug 東京"];

function tokensOf(tokenizer: Tokenizer): string[] {
  const { vocab } = tokenizer.toJson().model as { vocab: Record<string, number> };
  return Object.keys(vocab).sort((a, b) => vocab[a] - vocab[b]);
}

Deno.test("Special tokens come first, then characters, then characters inside words, then merges", () => {
  const tokens = tokensOf(trainWordPiece(corpus, { vocabSize: 60 }));
  assertEquals(tokens.slice(0, 5), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
  const firstInside = tokens.findIndex((token) => token.startsWith("##"));
  const merged = tokens.findIndex((token, id) => id > 4 && token.replace("##", "").length > 1);
  assert(firstInside > 5 && merged > firstInside);
  assert(tokens.slice(5, firstInside).every((token) => [...token].length === 1));
  assert(!tokens.includes("##東"), "Chinese characters are words of their own");
  assert(tokens.includes("##ug"));
});

Deno.test("A word is cut into the longest tokens from the left, and framed by the template", () => {
  const tokenizer = trainWordPiece(corpus, { vocabSize: 47 });
  const [cls, ...rest] = tokenizer.encode("hugs").tokens;
  assertEquals([cls, rest.at(-1)], ["[CLS]", "[SEP]"]);
  assertEquals(rest.slice(0, -1).map((token) => token.replace("##", "")).join(""), "hugs");
  assertEquals(tokenizer.encode("ÜNDER").tokens, tokenizer.encode("under").tokens);
});

Deno.test("Training again gives the same vocabulary", () => {
  const train = () => tokensOf(trainWordPiece(corpus, { vocabSize: 60 }));
  assertEquals(train(), train());
});

Deno.test("A limited alphabet makes words with other characters unknown", () => {
  const tokenizer = trainWordPiece(corpus, { vocabSize: 40, limitAlphabet: 6 });
  assertEquals(tokenizer.encode("東").tokens, ["[CLS]", "[UNK]", "[SEP]"]);
});

Deno.test("Case and accents stay if they are asked for", () => {
  const tokenizer = trainWordPiece(corpus, { vocabSize: 70, lowercase: false });
  assert(tokensOf(tokenizer).includes("Ü"));
});

Deno.test("A vocabulary too small for the characters is an error that says what is needed", () => {
  assertThrows(() => trainWordPiece(corpus, { vocabSize: 9 }), RangeError, "vocabSize was 9");
});
