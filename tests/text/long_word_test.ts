import { assertEquals } from "@std/assert";
import { MergeRules } from "cutloss/text/merge_word.ts";
import { randomNumbers } from "./fixtures.ts";

/** The rule as it is defined: the learned-first pair, leftmost, again and again. */
function mergePlainly(symbols: number[], merges: [number, number, number][]): number[] {
  for (;;) {
    let best = merges.length, at = -1;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const rank = merges.findIndex(([a, b]) => a === symbols[i] && b === symbols[i + 1]);
      if (rank >= 0 && rank < best) [best, at] = [rank, i];
    }
    if (at < 0) return symbols;
    symbols.splice(at, 2, merges[best][2]);
  }
}

Deno.test("Short and long words are merged by the same rule", () => {
  const random = randomNumbers(3);
  const below = (count: number) => Math.floor(random() * count);
  for (let round = 0; round < 60; round++) {
    const merges: [number, number, number][] = [];
    const rules = new MergeRules();
    for (let rank = 0; rank < 12; rank++) {
      const left = below(3 + rank), right = below(3 + rank);
      if (merges.some(([a, b]) => a === left && b === right)) continue;
      rules.add(merges.length, left, right, 3 + rank);
      merges.push([left, right, 3 + rank]);
    }
    const length = round % 2 ? 1 + below(64) : 65 + below(200);
    const word = Array.from({ length }, () => below(3));
    const symbols = Int32Array.from(word);
    const from = Int32Array.from(word, (_, i) => i), to = from.map((at) => at + 1);
    const left = rules.apply(symbols, from, to, length);
    assertEquals([...symbols.subarray(0, left)], mergePlainly(word, merges));
    assertEquals(from[0], 0);
    assertEquals(to[left - 1], length);
    assertEquals([...from.subarray(1, left)], [...to.subarray(0, left - 1)]);
  }
});
