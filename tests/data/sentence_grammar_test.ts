import { assert, assertEquals } from "@std/assert";
import { Random } from "../../lib/data/random.ts";
import { type ClausePlan, SentenceGrammar } from "../../lib/data/sentence_grammar.ts";
import type { Occupation } from "../../lib/data/sentence_lexicon.ts";
import { SENTENCE_LEVELS, type Slot } from "../../lib/data/sentence_levels.ts";

/*
 * Why no bag of words has two orders. Any two word classes are equal or disjoint, and no class of
 * several words is used twice in a sentence (both tested here). So two sentences with the same
 * words take the same word, or none, out of each class, and exchanging words within classes turns
 * the pair into one that uses only each class's first word. Those sentences are few enough to look
 * at all of them, for all people of level 1. At level 2 exchanging fields, and people within
 * fields, changes nothing either, because names and verbs are words of their own (tested, too): one
 * person out of each of three fields is enough.
 */
const LEVELS = [1, 2] as const;

/** Slots of every kind of sentence about every person. */
function* allSlots(level: 1 | 2): Generator<Slot[]> {
  const { occupations, forms } = SENTENCE_LEVELS[level];
  const grammar = new SentenceGrammar(level);
  for (let i = 0; i < occupations.length; i++) {
    for (const { tenses } of forms) {
      // Steps of 4 lead to another field at level 2, of 1 to another person at level 1.
      const step = level === 2 ? 4 : 1;
      yield grammar.slots(tenses.map((tense, k) => ({
        tense,
        occupation: occupations[(i + k * step) % occupations.length],
      })));
    }
  }
}

for (const level of LEVELS) {
  Deno.test(`level ${level}: word classes are equal or disjoint`, () => {
    const classOf = new Map<string, string>();
    for (const slots of allSlots(level)) {
      for (const words of slots.flatMap((slot) => slot.classes)) {
        assertEquals(new Set(words).size, words.length);
        for (const word of words) {
          const name = words.join(" ");
          assertEquals(classOf.get(word) ?? name, name, `"${word}" is in two classes`);
          classOf.set(word, name);
        }
      }
    }
  });

  Deno.test(`level ${level}: no sentence chooses twice out of a class`, () => {
    for (const slots of allSlots(level)) {
      const choices = slots.flatMap((slot) => slot.classes).filter((words) => words.length > 1)
        .map((words) => words.join(" "));
      assertEquals(new Set(choices).size, choices.length);
    }
  });

  Deno.test(`level ${level}: names, forms of verbs and fixed words are all different`, () => {
    const { occupations } = SENTENCE_LEVELS[level];
    const words = occupations.flatMap(({ name, base, past, present }) =>
      // Level 1 has no present.
      level === 1 ? [name, base, past] : [name, base, past, present]
    ).concat(["the", "a", "another", "that", "from", "with", "will"]);
    const counts = Map.groupBy(words, (word) => word);
    assertEquals([...counts].filter(([, { length }]) => length > 1).map(([word]) => word), []);
  });

  Deno.test(`level ${level}: exhaustively, no bag of words has two orders`, () => {
    const grammar = new SentenceGrammar(level);
    const { occupations } = SENTENCE_LEVELS[level];
    const groups: Occupation[][] = level === 1
      ? occupations.flatMap((a, i) => [[a], ...occupations.slice(i + 1).map((b) => [a, b])])
      : [[0], [0, 4], [0, 4, 8]].map((indices) => indices.map((i) => occupations[i]));
    let sentences = 0;
    for (const group of groups) {
      const byBag = new Map<number, string>();
      for (const order of permutations(group)) {
        for (const plan of grammar.plans(order)) {
          for (const { sentence, bag } of representatives(grammar, plan)) {
            assertEquals(byBag.get(bag) ?? sentence, sentence, "two orders of the same words");
            byBag.set(bag, sentence);
            sentences++;
          }
        }
      }
    }
    assert(sentences > 10_000, `only ${sentences} sentences were looked at`);
  });

  Deno.test(`level ${level}: what is generated is recognised and has one order`, () => {
    const grammar = new SentenceGrammar(level);
    const random = new Random(level);
    for (let i = 0; i < 2000; i++) {
      const sentence = grammar.generate(random);
      assert(grammar.parse(sentence), sentence.join(" "));
      const scrambled = random.shuffle(sentence.slice());
      assertEquals(grammar.orders(scrambled), [sentence]);
    }
  });

  Deno.test(`level ${level}: the recogniser agrees with trying every order`, () => {
    const grammar = new SentenceGrammar(level);
    const random = new Random(3);
    let tried = 0;
    while (tried < 3) {
      const sentence = grammar.generate(random);
      if (sentence.length > 8) continue;
      const sentences = permutations(sentence).filter((words) => grammar.parse(words));
      assertEquals([...new Set(sentences.map((words) => words.join(" ")))], [sentence.join(" ")]);
      tried++;
    }
  });

  Deno.test(`level ${level}: a sentence takes few random numbers, so that many are made quickly`, () => {
    const grammar = new SentenceGrammar(level);
    const random = new Random(0);
    for (let i = 0; i < 2000; i++) grammar.generate(random);
    assert(random.position < 2000 * 64, `${random.position / 2000} for a sentence`);
  });
}

Deno.test("a word too few, too many, misplaced or unknown is no sentence", () => {
  const grammar = new SentenceGrammar(1);
  const good = "yesterday the old baker slowly baked a small cake".split(" ");
  assert(grammar.parse(good));
  assertEquals(grammar.parse(good.slice(1)), undefined);
  assertEquals(grammar.parse([...good, "cake"]), undefined);
  assertEquals(grammar.parse(good.toReversed()), undefined);
  assertEquals(grammar.parse([]), undefined);
  assertEquals(
    grammar.parse("tomorrow the old baker slowly baked a small cake".split(" ")),
    undefined,
  );
  assertEquals(
    grammar.parse("yesterday the old baker slowly baked a small soup".split(" ")),
    undefined,
  );
  assertEquals(grammar.orders(["baker", "cake", "toString"]), []);
  assertEquals(grammar.orders("baker baker baker baker baker baker baker baker".split(" ")), []);
});

/**
 * All sentences of a plan that use the first word of each class, and a number that is equal for
 * equal bags of words: the sum of a large random number for each word. (Should different bags ever
 * get equal sums, the test would fail, not pass.)
 */
function representatives(
  grammar: SentenceGrammar,
  plan: ClausePlan[],
): { sentence: string; bag: number }[] {
  let sentences = [{ sentence: "", bag: 0 }];
  for (const { chance, classes } of grammar.slots(plan)) {
    const firsts = classes.map((words) => words[0]);
    const more = firsts.join(" ") + " ";
    const sum = firsts.reduce((total, word) => total + numberOf(word), 0);
    const longer = sentences.map(({ sentence, bag }) => ({
      sentence: sentence + more,
      bag: bag + sum,
    }));
    sentences = chance < 1 ? sentences.concat(longer) : longer;
  }
  return sentences;
}

/** Below 2⁴⁸, so that the sum over a sentence stays exact. */
function numberOf(word: string): number {
  const random = new Random(0).fork(word);
  return random.uint32() * 2 ** 16 + (random.uint32() >>> 16);
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first, i) =>
    permutations(items.toSpliced(i, 1)).map((rest) => [first, ...rest])
  );
}
