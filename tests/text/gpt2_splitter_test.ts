import { assertEquals } from "@std/assert";
import { GPT2_PATTERN, splitGpt2 } from "cutloss/text/mod.ts";
import { randomString } from "./random_text.ts";
import { randomNumbers } from "./fixtures.ts";

/** GPT-2's pattern with `\s` as Unicode's White_Space, which is what Python's and Rust's mean. */
const PATTERN = new RegExp(
  GPT2_PATTERN.replaceAll("[^\\s", "[^\\p{White_Space}")
    .replaceAll("\\s+", "\\p{White_Space}+")
    .replaceAll("(?!\\S)", "(?!\\P{White_Space})"),
  "gu",
);

Deno.test("The hand-written splitter finds what GPT-2's pattern finds, on random text", () => {
  const random = randomNumbers(7);
  for (let i = 0; i < 4000; i++) {
    const text = randomString(random, 30).toWellFormed();
    assertEquals(splitGpt2(text), text.match(PATTERN) ?? [], JSON.stringify(text));
  }
});

Deno.test("Words cover the text, lone surrogates included", () => {
  const random = randomNumbers(8);
  for (let i = 0; i < 1000; i++) {
    const text = randomString(random, 30);
    assertEquals(splitGpt2(text).join(""), text);
  }
});

Deno.test("Blanks join the next word, contractions stand alone, a run of blanks leaves its last", () => {
  assertEquals(splitGpt2("I can't  see\n\n it, 12x"), [
    "I",
    " can",
    "'t",
    " ",
    " see",
    "\n\n",
    " it",
    ",",
    " 12",
    "x",
  ]);
});
