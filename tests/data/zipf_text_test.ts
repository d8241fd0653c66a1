import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { zipfText } from "cutloss/data/zipf_text.ts";

Deno.test("The same seed gives the same text, another seed another", () => {
  const text = zipfText({ length: 2000, seed: 3, kinds: 500 });
  assertEquals(text, zipfText({ length: 2000, seed: 3, kinds: 500 }));
  assertNotEquals(text, zipfText({ length: 2000, seed: 4, kinds: 500 }));
  assert(text.length >= 2000 && text.length < 2100);
});

Deno.test("The frequency of a word falls as one over its rank", () => {
  const counts = new Map<string, number>();
  for (const [word] of zipfText({ length: 600_000 }).toLowerCase().matchAll(/[a-z]{3,}/g)) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const sorted = [...counts.values()].sort((a, b) => b - a);
  const slope = Math.log(sorted[20] / sorted[400]) / Math.log(401 / 21);
  assert(slope > 0.7 && slope < 1.3, `slope ${slope}`);
  assert(counts.size > 10_000, "and new words keep turning up");
});
