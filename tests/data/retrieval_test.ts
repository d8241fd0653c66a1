import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../lib/data/random.ts";
import {
  associativeRecall,
  makeRetrievalBatch,
  type RetrievalTask,
  retrievalTokenName,
  retrievalVocabulary,
} from "../../lib/data/retrieval.ts";
import {
  attentionShares,
  resultShares,
  retrievalAccuracy,
  rightAnswers,
} from "../../lib/data/retrieval_measures.ts";

const NEEDLES: RetrievalTask = {
  length: 120,
  needles: 6,
  queries: 2,
  keys: 20,
  values: 8,
  fillers: 30,
  decoys: 0.2,
};
const TASKS: Record<string, RetrievalTask> = {
  needles: NEEDLES,
  "needles at a depth": { ...NEEDLES, depth: 0.5 },
  "associative recall": associativeRecall({ pairs: 12, queries: 5 }),
  "packed, at a depth": { ...associativeRecall({ pairs: 7, queries: 3 }), depth: 0.33 },
};

for (const [name, task] of Object.entries(TASKS)) {
  Deno.test(`${name}: every question can be answered from its context, in one way`, () => {
    const { length, queries, keys, values, needles } = task;
    const { tokens, targets, queryPositions, needlePositions } = makeRetrievalBatch(
      task,
      40,
      new Random(1),
    );
    for (let row = 0; row < 40; row++) {
      const sequence = tokens.subarray(row * length, (row + 1) * length);
      const context = length - 2 * queries;
      const keyPlaces = [...sequence.keys()].filter((i) => i < context && sequence[i] < keys);
      assertEquals(keyPlaces.length, needles, "the context has as many keys as needles");
      assertEquals(new Set(keyPlaces.map((i) => sequence[i])).size, needles, "keys differ");
      for (let q = 0; q < queries; q++) {
        const question = queryPositions[row * queries + q];
        const needle = needlePositions[row * queries + q];
        assertEquals(question, context + 2 * q);
        assertEquals(sequence[needle], sequence[question]);
        assertEquals(sequence[needle + 1], targets[row * length + question]);
        assertEquals(sequence[question + 1], targets[row * length + question]);
        const answer = sequence[needle + 1];
        assert(answer >= keys && answer < keys + values);
      }
      const asked = targets.subarray(row * length, (row + 1) * length).filter((t) => t !== -100);
      assertEquals(asked.length, queries);
      assert(sequence.every((token) => token < retrievalVocabulary(task)));
    }
  });
}

Deno.test("a depth is kept to the token, or to the one before where a pair would be cut", () => {
  for (const depth of [0, 0.25, 0.5, 0.75, 1]) {
    const batch = makeRetrievalBatch({ ...NEEDLES, depth }, 50, new Random(2));
    for (let row = 0; row < 50; row++) {
      const place = batch.needlePositions[row * NEEDLES.queries];
      const wanted = Math.round(depth * (NEEDLES.length - 2 * NEEDLES.queries - 2));
      assert(place === wanted || place === wanted - 1, `${place} instead of ${wanted}`);
    }
  }
});

Deno.test("without a depth needles lie everywhere, and decoys have their share", () => {
  const batch = makeRetrievalBatch(NEEDLES, 500, new Random(3));
  const context = NEEDLES.length - 2 * NEEDLES.queries;
  const thirds = [0, 0, 0];
  for (const place of batch.needlePositions) thirds[Math.floor(3 * place / context)]++;
  for (const count of thirds) assert(Math.abs(count - 1000 / 3) < 75, `${thirds}`);
  let decoys = 0;
  const kinds = new Set<number>();
  for (let row = 0; row < 500; row++) {
    const sequence = batch.tokens.subarray(row * NEEDLES.length, row * NEEDLES.length + context);
    sequence.forEach((token, i) => {
      const value = token >= NEEDLES.keys && token < NEEDLES.keys + NEEDLES.values;
      if (value && !(i > 0 && sequence[i - 1] < NEEDLES.keys)) {
        decoys++;
        kinds.add(token);
      }
    });
  }
  assertEquals(kinds.size, NEEDLES.values, "every value is a decoy somewhere");
  const share = decoys / (500 * (context - 2 * NEEDLES.needles));
  assert(Math.abs(share - 0.2) < 0.01, `${share}`);
});

Deno.test("the same stream gives the same batch, another step another one", () => {
  const make = (step: number) => makeRetrievalBatch(NEEDLES, 3, new Random(0).fork(step));
  assertEquals(make(4), make(4));
  assert(make(4).tokens.join() !== make(5).tokens.join());
});

Deno.test("tokens have names for people", () => {
  assertEquals([0, 19, 20, 28].map((token) => retrievalTokenName(NEEDLES, token)), [
    ...["k0", "k19", "v0", "f0"],
  ]);
});

Deno.test("impossible tasks are refused", () => {
  const make = (change: Partial<RetrievalTask>) => () =>
    makeRetrievalBatch({ ...NEEDLES, ...change }, 1, new Random(0));
  assertThrows(make({ queries: 7 }), RangeError, "7 of 6 needles");
  assertThrows(make({ keys: 5 }), RangeError, "6 needles need as many keys");
  assertThrows(make({ length: 15 }), RangeError, "length 15 is less than the 16 tokens");
  assertThrows(make({ fillers: 0 }), RangeError, "104 places are left for filler");
  assertThrows(make({ depth: 2 }), RangeError, "depth must be from 0 to 1");
});

Deno.test("answers count as right where they are the value of the question's key", () => {
  const batch = makeRetrievalBatch(NEEDLES, 30, new Random(5));
  const { length, queries } = NEEDLES;
  const right = rightAnswers(batch);
  right.forEach((answer, i) => {
    const needle = batch.needlePositions[i];
    assertEquals(answer, batch.tokens[Math.floor(i / queries) * length + needle + 1]);
  });
  assertEquals(retrievalAccuracy(batch, right), 1);
  assertEquals(retrievalAccuracy(batch, right.map((answer, i) => i < 15 ? answer : 0)), 0.25);
  assertThrows(() => retrievalAccuracy(batch, [1]), RangeError, "60 questions");
});

/** A question whose weights are 0.5 on the answer, ±0.3 and 0.2 on two tokens of noise, −0.25 on itself. */
function looked(second: number) {
  const batch = makeRetrievalBatch(NEEDLES, 2, new Random(6));
  const weights = new Float64Array(NEEDLES.length);
  const needle = batch.needlePositions[3];
  weights[needle + 1] = 0.5;
  weights[(needle + 10) % 100] = 0.3;
  weights[(needle + 20) % 100] = second;
  weights[NEEDLES.length - 1] = -0.25;
  return { batch, weights, needle };
}

Deno.test("attention by size is divided into shares of the sum 1, whatever the signs", () => {
  for (const second of [-0.2, 0.2]) {
    const { batch, weights } = looked(second);
    const { answer, noise, questions, total } = attentionShares(batch, weights, 1, 1);
    assertAlmostEquals(total, 1.25, 1e-12);
    assertAlmostEquals(answer, 0.5 / 1.25, 1e-12);
    assertAlmostEquals(noise, 0.5 / 1.25, 1e-12);
    assertAlmostEquals(questions, 0.25 / 1.25, 1e-12);
  }
});

Deno.test("net noise is what weights of both signs leave, and never negative", () => {
  const net = (second: number) => {
    const { batch, weights } = looked(second);
    return attentionShares(batch, weights, 1, 1).netNoise;
  };
  assertAlmostEquals(net(0.2), 0.5 / 1.25, 1e-12);
  assertAlmostEquals(net(-0.2), 0.1 / 1.25, 1e-12);
  assertAlmostEquals(net(-0.7), 0.4 / 1.75, 1e-12);
  const { batch } = looked(0);
  const nothing = attentionShares(batch, new Float64Array(NEEDLES.length), 1, 1);
  assertEquals(nothing, { answer: 0, noise: 0, questions: 0, total: 0, netNoise: 0 });
});

Deno.test("shares of the result see what cancels among the values", () => {
  const { batch, weights, needle } = looked(0.3);
  // The values of both tokens of noise are opposite, or at right angles.
  const shares = (second: number[]) =>
    resultShares(
      batch,
      weights,
      (place) => place === (needle + 20) % 100 ? second : [2, 0],
      1,
      1,
    );
  const opposite = shares([-2, 0]);
  assertAlmostEquals(opposite.noise, 0, 1e-12);
  assertAlmostEquals(opposite.answer, 1 / 1.5, 1e-12);
  assertAlmostEquals(opposite.questions, 0.5 / 1.5, 1e-12);
  const across = shares([0, 2]);
  assertAlmostEquals(across.noise, 0.6 * Math.SQRT2 / (1.5 + 0.6 * Math.SQRT2), 1e-12);
});
