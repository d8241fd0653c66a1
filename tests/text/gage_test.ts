import { assertEquals, assertThrows } from "@std/assert";
import { compressPairs, expandPairs } from "cutloss/text/mod.ts";
import { randomNumbers } from "./fixtures.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("The most frequent pair gives way to a free byte, step by step", () => {
  const { bytes: out, replacements } = compressPairs(bytes("aaabdaaabac"));
  // aa (twice) → 0: 0abd0abac; 0a (twice) → 1: 1bd1bac; 1b (twice) → 2: 2d2ac.
  assertEquals(replacements.map(({ byte, left, right, count }) => [byte, left, right, count]), [
    [0, 97, 97, 2],
    [1, 0, 97, 2],
    [2, 1, 98, 2],
  ]);
  assertEquals([...out], [2, 100, 2, 97, 99]);
});

Deno.test("Expanding gives back any data", () => {
  const random = randomNumbers(1);
  for (let round = 0; round < 100; round++) {
    const letters = 1 + Math.floor(random() * (round % 10 === 0 ? 256 : 5));
    const data = Uint8Array.from(
      { length: Math.floor(random() * 600) },
      () => Math.floor(random() * letters),
    );
    const { bytes: out, replacements } = compressPairs(data, 2 + round % 3);
    assertEquals(expandPairs(out, replacements), data);
    assertEquals(out.length, data.length - replacements.reduce((sum, { count }) => sum + count, 0));
  }
});

Deno.test("A run of one byte holds half as many pairs as it is long", () => {
  assertEquals(compressPairs(bytes("aaaaa")).replacements[0].count, 2);
  assertEquals(compressPairs(bytes("aaa")).replacements, []);
});

Deno.test("Data that uses all 256 bytes has no byte to spare", () => {
  const all = Uint8Array.from({ length: 1024 }, (_, i) => i);
  assertEquals(compressPairs(all), { bytes: all, replacements: [] });
});

Deno.test("Empty data stays empty", () => {
  assertEquals(compressPairs(new Uint8Array()).bytes.length, 0);
});

Deno.test("A pair has to occur at least twice", () => {
  assertThrows(() => compressPairs(bytes("ab"), 1), RangeError, "minCount was 1");
});
