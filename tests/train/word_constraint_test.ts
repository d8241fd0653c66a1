import { assertEquals, assertThrows } from "@std/assert";
import { WordConstraint } from "../../lib/train/word_constraint.ts";

function orders<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) =>
    orders(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest])
  );
}

const END = 0;
const CASES: [string, number[][]][] = [
  ["words of one token", [[1], [2], [3]]],
  ["a word that is there twice", [[1], [2], [1], [1]]],
  ["words of several tokens", [[1, 2], [3, 4, 5], [6]]],
  ["words that begin another", [[1], [1, 2], [2], [1, 2, 1]]],
  ["words that read in several ways", [[1, 1], [1], [1, 1, 1], [2, 1]]],
];

for (const [name, words] of CASES) {
  Deno.test(`${name}: allowed is what some order of the words goes on with`, () => {
    const texts = orders(words).map((order) => [...order.flat(), END]);
    const constraint = new WordConstraint(words, END);
    let prefixes = 0;
    for (const text of texts) {
      for (let length = 0; length < text.length; length++) {
        const prefix = text.slice(0, length);
        const expected = new Set(
          texts.filter((other) => prefix.every((token, i) => other[i] === token))
            .map((other) => other[length]),
        );
        assertEquals(constraint.allowed(prefix).sort(), [...expected].sort(), prefix.join(" "));
        prefixes++;
      }
    }
    assertEquals(prefixes, texts.length * texts[0].length);
  });
}

Deno.test("what no order begins with, and empty words, are named", () => {
  const constraint = new WordConstraint([[1], [2, 3]], END);
  assertEquals(constraint.allowed([1, 2, 3, END]), [END]);
  assertThrows(() => constraint.allowed([1, 1]), RangeError, "tokens is [1, 1]");
  assertThrows(() => constraint.allowed([2, 1]), RangeError, "tokens is [2, 1]");
  assertThrows(() => new WordConstraint([[1], []], END), RangeError, "words[1] is empty");
});
