import { assert, assertEquals, assertRejects } from "@std/assert";
import { padTokens } from "../../lib/data/token_batches.ts";
import { Random } from "../../lib/data/random.ts";
import { Bert } from "../../lib/nn/bert.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { classify } from "../../lib/train/classify.ts";
import { occlude } from "../../lib/train/occlusion.ts";

const gpu = await Gpu.open();
const sizes = { vocabulary: 20, positions: 16, width: 16, layers: 1, heads: 2, classes: 3 };
// Large weights, so that probabilities differ from one text to the next.
const model = new Bert(gpu, { ...sizes, initializerRange: 0.5 }, { seed: 1 });
const random = new Random(2);
const texts = Array.from(
  { length: 11 },
  () => Array.from({ length: random.between(2, 16) }, () => random.between(1, 19)),
);

/** Softmax of the logits of one text by itself, without anything filled up. */
async function alone(ids: number[]): Promise<number[]> {
  using _ = gpu.noGrad();
  using logits = model.logits(padTokens([{ ids, label: 0 }], { padId: 0, multipleOf: 1 }));
  const powers = Array.from(await logits.read(), Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>) {
  assertEquals(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    // f32 with sums of 16 numbers of size 10.
    assert(Math.abs(actual[i] - expected[i]) < 1e-4, `${i}: ${actual[i]}, not ${expected[i]}`);
  }
}

Deno.test("texts get the same probabilities in batches as alone, in their own order", async () => {
  const before = gpu.memory.live;
  const found = await classify(model, texts, { padId: 0, batchSize: 4 });
  const expected: number[] = [];
  for (const ids of texts) expected.push(...await alone(ids));
  assertClose(found, expected);
  assertEquals(gpu.memory.live, before, "memory is still in use");
  assertEquals((await classify(model, [], { padId: 0 })).length, 0);
});

Deno.test("a text as long as the model allows is not made longer", async () => {
  using short = new Bert(gpu, { ...sizes, positions: 10 });
  const long = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  assertEquals((await classify(short, [[1, 2], long], { padId: 0 })).length, 6);
  const over = [...long, 11];
  await assertRejects(() => classify(short, [over], { padId: 0 }), Error, "sequences of 11 tokens");
});

Deno.test("batches of no size are refused instead of being made without end", async () => {
  for (const batchSize of [0, -1, 1.5, NaN]) {
    await assertRejects(
      () => classify(model, texts, { padId: 0, batchSize }),
      RangeError,
      `batchSize is ${batchSize}`,
    );
  }
});

Deno.test("occlusion is what the probability loses when a token is masked", async () => {
  const ids = [1, 5, 9, 7, 2];
  const whole = await alone(ids);
  const best = whole.indexOf(Math.max(...whole));
  const found = await occlude(model, ids, { padId: 0, maskId: 4, keep: [1, 2] });
  assertEquals(found.target, best);
  assertClose([found.probability], [whole[best]]);
  const expected = [0, 0, 0, 0, 0];
  for (const i of [1, 2, 3]) expected[i] = whole[best] - (await alone(ids.with(i, 4)))[best];
  assertClose(found.drops, expected);
  assert(expected.some((drop) => Math.abs(drop) > 1e-3), "no token matters");
});

Deno.test("occlusion watches the class that it is told to, if there is one", async () => {
  const { target, probability } = await occlude(model, [1, 5, 2], {
    padId: 0,
    maskId: 4,
    target: 2,
  });
  assertEquals(target, 2);
  assertClose([probability], [(await alone([1, 5, 2]))[2]]);
  await assertRejects(
    () => occlude(model, [1, 5, 2], { padId: 0, maskId: 4, target: 3 }),
    RangeError,
    "target is 3; expected a class from 0 to 2",
  );
});

Deno.test("occlusion of a damaged model says so, and blames no target", async () => {
  using damaged = new Bert(gpu, sizes);
  gpu.write(damaged.classifier.weight.tensor, new Float32Array([NaN]));
  await assertRejects(
    () => occlude(damaged, [1, 5, 2], { padId: 0, maskId: 4 }),
    RangeError,
    "The model's probabilities are NaN",
  );
});
