import { assertEquals, assertThrows } from "@std/assert";
import { addTokens, trainWordPiece } from "../../lib/text/mod.ts";
import { loadTokenizer, readFixture } from "./fixtures.ts";

const plain = trainWordPiece(["to be or not to be that is the question"], { vocabSize: 60 });
const marked = addTokens(plain, ["[NEWLINE]", "[TAB]", "[NEWLINE]", "[SEP]", "be"]);

Deno.test("added tokens get ids behind the others, once, and known ones keep theirs", () => {
  assertEquals(marked.vocabSize, plain.vocabSize + 2);
  assertEquals(marked.tokenToId("[NEWLINE]"), plain.vocabSize);
  assertEquals(marked.tokenToId("[TAB]"), plain.vocabSize + 1);
  assertEquals(marked.tokenToId("[SEP]"), plain.tokenToId("[SEP]"));
  assertEquals(marked.tokenToId("be"), plain.tokenToId("be"));
  assertEquals(plain.tokenToId("[TAB]"), undefined, "the tokenizer given stays as it is");
});

Deno.test("an added token is found whole, also between letters, and only as it is written", () => {
  const tokens = (text: string) => marked.encode(text, { addSpecialTokens: false }).tokens;
  assertEquals(tokens("to[TAB]be [NEWLINE] or"), ["to", "[TAB]", "be", "[NEWLINE]", "or"]);
  assertEquals(tokens("[tab]").includes("[TAB]"), false);
  const text = "to be or not";
  assertEquals(marked.encode(text).ids, plain.encode(text).ids);
});

Deno.test("added tokens are written to tokenizer.json and read again", () => {
  const again = addTokens(marked, ["[INT]"]);
  assertEquals(again.tokenToId("[INT]"), plain.vocabSize + 2);
  assertEquals(again.encode("to [TAB] be [INT]").tokens.slice(1, -1), [
    "to",
    "[TAB]",
    "be",
    "[INT]",
  ]);
});

Deno.test("an empty token is refused", () => {
  assertThrows(() => addTokens(plain, [""]), TypeError, "empty token");
});

Deno.test("added tokens have the ids that Hugging Face's library gives them, alone and in texts", async () => {
  const expected = await readFixture<{
    tokens: string[];
    sizes: [number, number];
    ids: number[];
    texts: { text: string; ids: number[]; tokens: string[] }[];
  }>("added_tokens.json");
  const before = await loadTokenizer("word_piece");
  const after = addTokens(before, expected.tokens);
  assertEquals([before.vocabSize, after.vocabSize], expected.sizes);
  assertEquals(expected.tokens.map((token) => after.tokenToId(token)), expected.ids);
  for (const { text, ids, tokens } of expected.texts) {
    const encoding = after.encode(text);
    assertEquals(encoding.tokens, tokens, text);
    assertEquals(Array.from(encoding.ids), ids, text);
  }
});
