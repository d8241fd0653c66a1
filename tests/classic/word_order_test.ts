import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { bootstrap } from "../../lib/classic/bootstrap.ts";
import { NgramModel } from "../../lib/classic/ngram_model.ts";
import { orderWords } from "../../lib/classic/order_words.ts";
import { measureWordOrder } from "../../lib/classic/word_order_measures.ts";
import { Random } from "../../lib/data/random.ts";
import { makeScrambledSentences } from "../../lib/data/scrambled_sentences.ts";

const split = (line: string) => line.split(" ");

Deno.test("a bigram model interpolates relative frequencies", () => {
  const model = new NgramModel([split("a b"), split("a c"), split("a b")], { order: 2 });
  // Four different words with the end; "b" follows "a" twice out of three times.
  assertAlmostEquals(Math.exp(model.logProbability(["a"], "b")), 0.95 * 2 / 3 + 0.05 / 4, 1e-12);
  assertAlmostEquals(Math.exp(model.logProbability([], "a")), 0.95 + 0.05 / 4, 1e-12);
  assertAlmostEquals(Math.exp(model.logProbability(["x", "c"], undefined)), 0.9625, 1e-12);
  assertAlmostEquals(Math.exp(model.logProbability(["never"], "a")), 0.05 / 4, 1e-12);
});

Deno.test("a trigram model looks back two words", () => {
  const model = new NgramModel([split("a b c"), split("d b e")], { order: 3 });
  const expected = 0.7 * 1 + 0.27 * 0.5 + 0.03 / 6;
  assertAlmostEquals(Math.exp(model.logProbability(["a", "b"], "c")), expected, 1e-12);
  const backed = 0.27 * 0.5 + 0.03 / 6;
  assertAlmostEquals(Math.exp(model.logProbability(["z", "b"], "c")), backed, 1e-12);
});

Deno.test("the probabilities after any context sum to 1", () => {
  const model = new NgramModel([split("a b c a"), split("c b")], { order: 3 });
  for (const context of [[], ["a"], ["a", "b"], ["c", "b"]]) {
    const next = ["a", "b", "c", undefined];
    const sum = next.reduce((total, w) => total + Math.exp(model.logProbability(context, w)), 0);
    assertAlmostEquals(sum, 1, 1e-12, context.join(" "));
  }
});

Deno.test("weights that are no distribution are refused", () => {
  assertThrows(() => new NgramModel([], { order: 2, weights: [0.5, 0.4] }), RangeError, "sum 1");
  assertThrows(
    () => new NgramModel([], { order: 3, weights: [0.5, 0.5] }),
    RangeError,
    "3 numbers",
  );
});

for (const order of [2, 3] as const) {
  Deno.test(`a wide beam finds the best of all orders (${order}-gram)`, () => {
    const random = new Random(order);
    const sentences = Array.from({ length: 40 }, () => random.shuffle(split("a b c d e a")));
    const model = new NgramModel(sentences, { order });
    const score = (words: readonly string[]) => {
      let sum = model.logProbability(words, undefined);
      words.forEach((word, i) => sum += model.logProbability(words.slice(0, i), word));
      return sum;
    };
    for (let i = 0; i < 5; i++) {
      const words = random.shuffle(split("a b c d e a"));
      const best = permutations(words).reduce((a, b) => (score(b) > score(a) ? b : a));
      const found = orderWords(words, model, { beamWidth: 1000 });
      assertEquals(found.toSorted(), words.toSorted());
      assertAlmostEquals(score(found), score(best), 1e-9);
    }
  });
}

Deno.test("an order of no words and of one word", () => {
  const model = new NgramModel([["a"]], { order: 2 });
  assertEquals(orderWords([], model), []);
  assertEquals(orderWords(["z"], model), ["z"]);
});

Deno.test("on held-out pairs trigrams beat bigrams by far, and both beat doing nothing", () => {
  const { train, test } = makeScrambledSentences({ seed: 0, train: 5000, validation: 0, test: 60 });
  const references = test.map(({ label }) => split(label));
  const sentences = train.map(({ label }) => split(label));
  const exact = ([2, 3] as const).map((order) => {
    const model = new NgramModel(sentences, { order });
    const outputs = test.map(({ text }) => orderWords(split(text), model));
    return measureWordOrder(references, outputs);
  });
  const identity = measureWordOrder(references, test.map(({ text }) => split(text)));
  assertEquals(identity.exactMatch.value, 0);
  assertEquals(identity.permutations.value, 1);
  assert(exact[0].bleu.value > 0.6 && exact[0].exactMatch.value < 0.25);
  assert(exact[1].exactMatch.low > exact[0].exactMatch.high);
});

Deno.test("measures of hand-made outputs are as counted by hand", () => {
  const measures = measureWordOrder(
    [split("a b c d"), split("a b c d"), split("a b c d"), split("a b c d")],
    [split("a b c d"), split("a c b d"), split("a b c"), split("a b c d d")],
  );
  assertEquals(measures.sentences, 4);
  assertEquals(measures.exactMatch.value, 0.25);
  assertEquals(measures.positionAccuracy.value, (1 + 0.5 + 0.75 + 1) / 4);
  assertEquals(measures.permutations.value, 0.5);
});

Deno.test("a bootstrap interval covers the true share about as often as it says", () => {
  const random = new Random(0);
  let covered = 0;
  for (let i = 0; i < 200; i++) {
    const rows = Array.from({ length: 60 }, () => [random.chance(0.4) ? 1 : 0]);
    const mean = (sums: readonly number[], n: number) => sums[0] / n;
    const { share } = bootstrap(rows, { share: mean }, { resamples: 300, seed: i });
    assert(share.low <= share.value && share.value <= share.high);
    if (share.low <= 0.4 && 0.4 <= share.high) covered++;
  }
  assert(covered > 180 && covered < 199, `${covered} of 200 intervals cover it`);
});

Deno.test("the same seed gives the same interval, no rows give an error", () => {
  const rows = Array.from({ length: 20 }, (_, i) => [i]);
  const mean = { mean: (sums: readonly number[], n: number) => sums[0] / n };
  assertEquals(bootstrap(rows, mean, { seed: 4 }), bootstrap(rows, mean, { seed: 4 }));
  assertThrows(() => bootstrap([], mean), RangeError, "at least one row");
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first, i) =>
    permutations(items.toSpliced(i, 1)).map((rest) => [first, ...rest])
  );
}
