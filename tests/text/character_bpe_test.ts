import { assertEquals, assertThrows } from "@std/assert";
import { CharacterBpe } from "cutloss/text/mod.ts";

// Counts worked out by hand: hug ×10, pug ×5, pun ×12, bun ×4, hugs ×5.
const corpus = Object.entries({ hug: 10, pug: 5, pun: 12, bun: 4, hugs: 5 }).map(
  ([word, count]) => Array(count).fill(word).join(" "),
);

Deno.test("Words are counted and start as characters", () => {
  const bpe = new CharacterBpe(corpus);
  assertEquals(Object.fromEntries(bpe.wordCounts), { hug: 10, pug: 5, pun: 12, bun: 4, hugs: 5 });
  assertEquals(bpe.vocabulary, ["b", "g", "h", "n", "p", "s", "u"]);
  assertEquals(bpe.splits.get("hugs"), ["h", "u", "g", "s"]);
});

Deno.test("Pairs are counted with the frequency of their words", () => {
  const [first, second] = new CharacterBpe(corpus).pairCounts();
  assertEquals(first, { left: "u", right: "g", count: 20 });
  assertEquals(second, { left: "p", right: "u", count: 17 });
});

Deno.test("Each step merges the most frequent pair in all words", () => {
  const bpe = new CharacterBpe(corpus);
  assertEquals(bpe.step(), { left: "u", right: "g", count: 20, symbol: "ug" });
  assertEquals(bpe.splits.get("hugs"), ["h", "ug", "s"]);
  assertEquals(bpe.step()?.symbol, "un");
  assertEquals(bpe.step()?.symbol, "hug");
  assertEquals(bpe.vocabulary.slice(-3), ["ug", "un", "hug"]);
});

Deno.test("New text is merged in the order of learning", () => {
  const bpe = new CharacterBpe(corpus).train(10);
  assertEquals(bpe.tokenize("bug  hugs\tpuns"), ["b", "ug", "hug", "s", "p", "un", "s"]);
});

Deno.test("A character that the corpus did not have is unknown", () => {
  const bpe = new CharacterBpe(corpus).train(10);
  assertEquals(bpe.tokenize("mug Hug"), ["[UNK]", "ug", "[UNK]", "ug"]);
});

Deno.test("Training ends when every word is one symbol", () => {
  const bpe = new CharacterBpe(["ab ab"]).train(100);
  assertEquals(bpe.vocabulary, ["a", "b", "ab"]);
  assertEquals(bpe.step(), undefined);
});

Deno.test("A surrogate pair is one character", () => {
  assertEquals(new CharacterBpe(["😀😀"]).vocabulary, ["😀"]);
});

Deno.test("A vocabulary size has to be a whole number", () => {
  assertThrows(() => new CharacterBpe(["a"]).train(2.5), RangeError, "vocabSize was 2.5");
});
