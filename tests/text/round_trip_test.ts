import { assert, assertEquals } from "@std/assert";
import { trainBpe } from "cutloss/text/mod.ts";
import { loadTokenizer, randomNumbers } from "./fixtures.ts";
import { randomString } from "./random_text.ts";

const trained = trainBpe(["the theatre's thin, thick thing — déjà vu 日本 👍🏽 ".repeat(3)], {
  vocabSize: 330,
  specialTokens: ["<|end|>"],
});

Deno.test("Decoding gives back every string, lone surrogates replaced as the platform does", () => {
  const random = randomNumbers(42);
  for (let i = 0; i < 3000; i++) {
    const text = randomString(random, 40);
    const { ids } = trained.encode(text);
    assertEquals(trained.decode(ids), text.toWellFormed(), JSON.stringify(text));
  }
});

Deno.test("Tokens of a text lie side by side, and what is between their ends is their characters", () => {
  const random = randomNumbers(43);
  for (let i = 0; i < 1000; i++) {
    const text = randomString(random, 40);
    const encoding = trained.encode(text);
    let end = 0;
    for (let token = 0; token < encoding.length; token++) {
      const [from, to] = encoding.span(token);
      // Tokens within one character share it, so a token may begin before the last one's end.
      assert(from <= end && to >= end && from < to, `${JSON.stringify(text)} token ${token}`);
      const alone = trained.decode([encoding.ids[token]]);
      if (!alone.includes("\ufffd")) assertEquals(alone, text.slice(from, to));
      end = to;
    }
    assertEquals(end, text.length);
  }
});

Deno.test("A byte order mark survives", () => {
  assertEquals(trained.decode(trained.encode("\ufeffa\ufeff").ids), "\ufeffa\ufeff");
});

Deno.test("The cache does not change what comes out", async () => {
  const tokenizer = await loadTokenizer("byte_level_bpe");
  const random = randomNumbers(44);
  const texts = Array.from({ length: 50 }, () => randomString(random, 60));
  const first = texts.map((text) => [...tokenizer.encode(text).ids]);
  const again = texts.reverse().map((text) => [...tokenizer.encode(text).ids]).reverse();
  assertEquals(again, first);
});

Deno.test("A text of more different words than the cache holds comes back as well", () => {
  const text = Array.from({ length: 300_000 }, (_, i) => i.toString(36)).join(" ");
  const encoding = trained.encode(text);
  assertEquals(trained.decode(encoding.ids) === text, true);
  const tail = text.slice(-1000);
  const { ids } = trained.encode(tail.slice(tail.indexOf(" ")));
  assertEquals(encoding.ids.slice(-ids.length), ids);
});

Deno.test("A million letters without a space, equal or mixed, are no quadratic work", () => {
  const random = randomNumbers(45);
  const mixed = Array.from({ length: 1_000_000 }, () => "thein"[Math.floor(random() * 5)]).join("");
  const letters = trainBpe(["a".repeat(5000)], { vocabSize: 300 });
  for (const [tokenizer, text] of [[letters, "a".repeat(1_000_000)], [trained, mixed]] as const) {
    const start = performance.now();
    assertEquals(tokenizer.decode(tokenizer.encode(text).ids), text);
    // It takes a second or two. Looking at all pairs for each merge would be 10¹² steps.
    assert(performance.now() - start < 120_000, "a million letters took more than two minutes");
  }
});

Deno.test("A merge rule that undercuts its neighbours is applied in the order of learning", () => {
  // Learned: a+b, then b+c, then ab+c. In "abc" the first wins, though b+c overlaps it.
  const tokenizer = trainBpe(["ab ab ab ab bc bc bc abc"], { vocabSize: 260, alphabet: "all" });
  assertEquals(tokenizer.encode("abc").tokens.length <= 2, true);
  assertEquals(tokenizer.encode("abc").tokens[0].startsWith("ab"), true);
});
