import { assertEquals, assertThrows } from "@std/assert";
import { trainBpe } from "cutloss/text/mod.ts";
import { readFixture } from "./fixtures.ts";

interface Trained {
  texts: string[];
  options: {
    vocab_size: number;
    special_tokens?: string[];
    all?: boolean;
    min_frequency?: number;
    max_token_length?: number;
  };
  tokens: string[];
  merges: [string, string][];
}

const { cases } = await readFixture<{ cases: Trained[] }>("trained.json");

Deno.test("Merges and ids equal those of the native trainer, ties included", () => {
  cases.forEach(({ texts, options, tokens, merges }, index) => {
    const tokenizer = trainBpe(texts, {
      vocabSize: options.vocab_size,
      specialTokens: options.special_tokens,
      alphabet: options.all === false ? "seen" : "all",
      minFrequency: options.min_frequency,
      maxTokenLength: options.max_token_length,
    });
    const model = tokenizer.toJson().model as { vocab: object; merges: [string, string][] };
    // JSON.parse and Object.fromEntries order keys like "1" first, so ids are compared by token.
    assertEquals(model.merges, merges, `merges of case ${index}`);
    assertEquals(model.vocab, Object.fromEntries(tokens.map((t, id) => [t, id])), `case ${index}`);
  });
});

Deno.test("Among these cases are merges that arrive at a special token", () => {
  const arriving = cases.filter(({ merges, options }) =>
    merges.some((pair) => options.special_tokens?.includes(pair.join("")))
  );
  assertEquals(arriving.length > 5, true);
});

Deno.test("A corpus may come from a generator, and text boundaries are word boundaries", () => {
  function* corpus() {
    for (let i = 0; i < 5; i++) yield "ab";
  }
  const tokenizer = trainBpe(corpus(), { vocabSize: 300 });
  assertEquals(tokenizer.encode("ababab").tokens, ["ab", "ab", "ab"]);
  assertEquals(tokenizer.vocabSize, 257);
});

Deno.test("Special tokens get the first ids and are never split", () => {
  const tokenizer = trainBpe(["a b a b"], { vocabSize: 300, specialTokens: ["<|end|>", "<pad>"] });
  assertEquals([...tokenizer.encode("<pad>a<|end|>").ids], [1, tokenizer.tokenToId("a")!, 0]);
});

Deno.test("onMerge reports every merge with its count", () => {
  const seen: [number, number][] = [];
  trainBpe(["ab ab ab abc"], { vocabSize: 258, onMerge: (...args) => seen.push(args) });
  assertEquals(seen, [[257, 4], [258, 3]]);
});

Deno.test("A vocabulary too small for the bytes is an error that says what is needed", () => {
  assertThrows(() => trainBpe(["a"], { vocabSize: 200 }), RangeError, "at least 256");
});
