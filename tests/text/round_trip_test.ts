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

Deno.test("A million equal letters and 100 kB without a space stay within n log n", () => {
  const seconds = (text: string) => {
    const start = performance.now();
    const { ids } = trained.encode(text);
    const time = (performance.now() - start) / 1000;
    assertEquals(trained.decode(ids), text);
    return time;
  };
  const letters = trainBpe(["a".repeat(5000)], { vocabSize: 300 });
  const start = performance.now();
  const million = "a".repeat(1_000_000);
  assertEquals(letters.decode(letters.encode(million).ids), million);
  assert(performance.now() - start < 20_000, "quadratic work would take hours");
  const random = randomNumbers(45);
  const word = (length: number) =>
    Array.from({ length }, () => "thein"[Math.floor(random() * 5)]).join("");
  seconds(word(100_000)); // The first run also compiles.
  const short = seconds(word(100_000)), long = seconds(word(400_000));
  // Four times the length takes 4.4 times as long for n log n, and 16 times for n².
  assert(long < 10 * short + 0.5, `100 kB took ${short} s, 400 kB ${long} s`);
});

Deno.test("A merge rule that undercuts its neighbours is applied in the order of learning", () => {
  // Learned: a+b, then b+c, then ab+c. In "abc" the first wins, though b+c overlaps it.
  const tokenizer = trainBpe(["ab ab ab ab bc bc bc abc"], { vocabSize: 260, alphabet: "all" });
  assertEquals(tokenizer.encode("abc").tokens.length <= 2, true);
  assertEquals(tokenizer.encode("abc").tokens[0].startsWith("ab"), true);
});
