import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { flat, trainedLike } from "../../lib/data/language_model.ts";
import { fillNormals } from "../../lib/data/normals.ts";
import { Random } from "../../lib/data/random.ts";

Deno.test("normals have the moments, the tails and the independence of normals", () => {
  const count = 1_000_000, x = new Float32Array(count);
  fillNormals(x, new Random(1), 1);
  const moment = (power: number) => x.reduce((sum, value) => sum + value ** power, 0) / count;
  // six standard errors each
  assertAlmostEquals(moment(1), 0, 6e-3);
  assertAlmostEquals(moment(2), 1, 6 * Math.sqrt(2 / count));
  assertAlmostEquals(moment(3), 0, 6 * Math.sqrt(15 / count));
  assertAlmostEquals(moment(4), 3, 6 * Math.sqrt(96 / count));
  // beyond each point, on both sides: below the curve, at its knees, in the ziggurat's tail
  for (
    const [point, share] of [[1, 0.158655], [2, 0.0227501], [3, 0.00134990], [3.5, 2.32629e-4]]
  ) {
    const error = 6 * Math.sqrt(share / count);
    assertAlmostEquals(x.filter((value) => value > point).length / count, share, error);
    assertAlmostEquals(x.filter((value) => value < -point).length / count, share, error);
  }
  let product = 0;
  for (let i = 1; i < count; i++) product += x[i] * x[i - 1];
  assertAlmostEquals(product / count, 0, 6e-3);
});

Deno.test("the same seed gives the same model, another seed another one", () => {
  const options = { n: 5, v: 11, d: 3, seed: 7 };
  assertEquals(trainedLike(options), trainedLike(options));
  assert(trainedLike(options).e[0] !== trainedLike({ ...options, seed: 8 }).e[0]);
  assertEquals(trainedLike(options).c, flat(options).c);
});

Deno.test("targets follow Zipf's law and stand out of a trained model's logits only", () => {
  const n = 4000, v = 200, d = 64;
  const { e, c, targets } = trainedLike({ n, v, d, seed: 3 });
  const harmonic = Array.from({ length: v }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b);
  for (const index of [0, 1, 9]) {
    const share = 1 / (index + 1) / harmonic;
    const found = targets.filter((target) => target === index).length / n;
    assertAlmostEquals(found, share, 5 * Math.sqrt(share / n));
  }
  assert(targets.every((target) => target >= 0 && target < v));
  const targetLogit = (embeddings: Float32Array) => {
    let sum = 0;
    for (let i = 0; i < n * d; i++) {
      sum += embeddings[i] * c[targets[Math.floor(i / d)] * d + i % d];
    }
    return sum / n;
  };
  // |c_target| is 1 on average over the vocabulary, not for each of the few frequent targets
  assertAlmostEquals(targetLogit(e), 14, 2);
  assertAlmostEquals(targetLogit(flat({ n, v, d, seed: 3 }).e), 0, 0.2);
});

Deno.test("a size that is no count is an error that names it", () => {
  assertThrows(() => trainedLike({ n: 1, v: 0, d: 4 }), RangeError, "v is 0");
});
