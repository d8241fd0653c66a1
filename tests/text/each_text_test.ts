/** One string in place of several is refused wherever texts or tokens are taken. */
import { assertEquals, assertThrows } from "@std/assert";
import { addTokens, CharacterBpe, trainBpe, trainWordPiece } from "cutloss/text/mod.ts";

const LEARNERS: Record<string, (texts: Iterable<string>) => unknown> = {
  trainBpe: (texts) => trainBpe(texts, { vocabSize: 300 }),
  trainWordPiece: (texts) => trainWordPiece(texts, { vocabSize: 60 }),
  CharacterBpe: (texts) => new CharacterBpe(texts),
};

for (const [name, learn] of Object.entries(LEARNERS)) {
  Deno.test(`${name} takes texts, not one text`, () => {
    learn(["to be or not"]);
    learn(new Set(["to be", "or not"]));
    assertThrows(
      () => learn("to be or not"),
      TypeError,
      "texts is a string; expected an iterable of texts, such as [text].",
    );
    const wrong: [unknown, string][] = [
      [undefined, "texts is undefined; expected an iterable"],
      [7, "texts is a number; expected an iterable"],
      [{}, "texts is an object; expected an iterable"],
      [["to", undefined], "texts has undefined as item 1; expected strings."],
      [[["to", "be"]], "texts has an array as item 0; expected strings."],
      [["to", "be", 2], "texts has a number as item 2; expected strings."],
    ];
    for (const [texts, message] of wrong) {
      assertThrows(() => learn(texts as string[]), TypeError, message);
    }
  });
}

Deno.test("tokens in place of which one string is given are refused too", () => {
  const end = "<|end|>" as unknown as string[];
  assertThrows(
    () => trainBpe(["a"], { vocabSize: 300, specialTokens: end }),
    TypeError,
    "specialTokens is a string; expected an iterable of tokens, such as [token].",
  );
  const tokenizer = trainBpe(["a"], { vocabSize: 300 });
  assertThrows(
    () => addTokens(tokenizer, end),
    TypeError,
    "contents is a string; expected an iterable of tokens, such as [token].",
  );
  assertEquals(addTokens(tokenizer, ["<|end|>"]).vocabSize, tokenizer.vocabSize + 1);
});
