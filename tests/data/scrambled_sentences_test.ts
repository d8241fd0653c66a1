import { assert, assertEquals } from "@std/assert";
import { Random } from "../../lib/data/random.ts";
import {
  isHeldOutPair,
  makeScrambledSentences,
  scramble,
} from "../../lib/data/scrambled_sentences.ts";
import { SentenceGrammar } from "../../lib/data/sentence_grammar.ts";

const SIZES = { train: 3000, validation: 100, test: 300 };

for (const level of [1, 2] as const) {
  const data = makeScrambledSentences({ level, seed: 1, ...SIZES });
  const grammar = new SentenceGrammar(level);
  const heldOut = (label: string) => {
    const names = grammar.occupations(label.split(" ")).map(({ name }) => name);
    return names.some((a) => names.some((b) => a !== b && isHeldOutPair(a, b)));
  };

  Deno.test(`level ${level}: splits have their sizes and share no sentence`, () => {
    assertEquals([data.train.length, data.validation.length, data.test.length], [3000, 100, 300]);
    const all = [...data.train, ...data.validation, ...data.test].map(({ label }) => label);
    assertEquals(new Set(all).size, all.length);
  });

  Deno.test(`level ${level}: held-out pairs meet in the test and nowhere else`, () => {
    assert(data.test.every(({ label }) => heldOut(label)));
    assert(!data.train.some(({ label }) => heldOut(label)));
    assert(!data.validation.some(({ label }) => heldOut(label)));
  });

  Deno.test(`level ${level}: every word of the test occurs in training`, () => {
    const known = new Set(data.train.flatMap(({ label }) => label.split(" ")));
    for (const { label } of data.test) for (const word of label.split(" ")) assert(known.has(word));
  });

  Deno.test(`level ${level}: a text is another order of its label's words`, () => {
    for (const { text, label } of [...data.test, ...data.validation]) {
      assert(text !== label);
      assertEquals(text.split(" ").sort(), label.split(" ").sort());
    }
  });

  Deno.test(`level ${level}: the same seed gives the same data, another seed other data`, () => {
    assertEquals(makeScrambledSentences({ level, seed: 1, ...SIZES }), data);
    const other = makeScrambledSentences({ level, seed: 2, ...SIZES });
    assert(other.train[0].label !== data.train[0].label);
  });
}

Deno.test("a sentence that has but one order stays as it is", () => {
  assertEquals(scramble("go", new Random(0)), "go");
  assertEquals(scramble("go go", new Random(0)), "go go");
  assertEquals(scramble("go home", new Random(0)), "home go");
});
