/**
 * Sums over more than 65,535 numbers, after which Mesa's software adapter leaves a loop without a word:
 * they are cut into parts, or refused.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "../../lib/losses/options.ts";
import { attention, diffAttention, linear, maskedMean, matmul } from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { assertClose } from "../ops/check_op.ts";

const gpu = await Gpu.open();

Deno.test("weights and biases get the gradients of 270,000 rows", async () => {
  const n = 270_000;
  using x = gpu.full([n, 4], 1);
  using weight = gpu.full([4, 4], 0.5, { requiresGrad: true });
  using bias = gpu.full([4], 0.5, { requiresGrad: true });
  using y = linear(x, weight, bias);
  using dy = gpu.full([n, 4], 1 / 1024);
  y.backward(dy);
  for (const gradient of await gpu.read([weight.grad!, bias.grad!])) {
    assertClose(gradient, new Float32Array(gradient.length).fill(n / 1024), "gradient");
  }
});

Deno.test("a product over as many is right, or refused where it cannot be cut", async () => {
  const k = 270_000;
  using a = gpu.full([1, k], 1);
  using b = gpu.full([k, 1], 1 / 1024);
  using y = matmul(a, b);
  assertEquals(await y.item(), k / 1024);
  if (!gpu.adapter.software) return;
  using as = gpu.zeros([2, 1, k]);
  using bs = gpu.zeros([2, k, 1]);
  assertThrows(() => matmul(as, bs), Error, "K = 270000 is too long");
});

Deno.test("the bias of a loss gets the gradients of 70,000 tokens, all of one target", async () => {
  const n = 70_000,
    ways: readonly LinearCrossEntropyOptions[] = [
      { impl: "naive" },
      { impl: "chunked" },
      { impl: "cut" },
      { impl: "cut", filterEps: 1e-9 },
    ];
  for (const way of ways) {
    using e = gpu.full([n, 4], 0.1, { requiresGrad: true });
    using c = gpu.full([3, 4], 0.1, { requiresGrad: true });
    using bias = gpu.zeros([3], { requiresGrad: true });
    using loss = linearCrossEntropy(e, c, new Int32Array(n), { ...way, bias });
    loss.backward();
    const [dBias, dC] = await gpu.read([bias.grad!, c.grad!]);
    const expected = [-2 / 3, 1 / 3, 1 / 3], what = JSON.stringify(way);
    // Chains of 32,768 additions of equal numbers, whose roundings all go one way.
    assertClose(dBias, expected, `${what}: dBias`, 1e-3);
    assertClose(dC, expected.flatMap((x) => Array(4).fill(x / 10)), `${what}: dC`, 1e-4);
  }
});

Deno.test("attention as long as a software adapter comes to the end of is right; longer, and a longer mean, is refused", async () => {
  if (!gpu.adapter.software) return;
  // A block of 16 keys takes six steps: its own, one for scores of width 4, four for the weighted sum.
  const longest = Math.floor(65_000 / 6) * 16;
  const keys = (time: number) => gpu.full([1, time, 1, 4], 1);
  using q = gpu.full([1, 1, 1, 4], 1);
  using k = keys(longest);
  using v = gpu.tensor(Float32Array.from({ length: 4 * longest }, (_, i) => i >> 2), k.shape);
  using y = attention(q, k, v);
  assertClose(
    await y.read(),
    new Float32Array(4).fill((longest - 1) / 2),
    "mean of values",
    0,
    1e-4,
  );
  using longer = keys(longest + 1);
  assertThrows(
    () => attention(q, longer, longer),
    RangeError,
    "take 65004 steps of a loop; expected",
  );
  using lambda = gpu.tensor([0.5]);
  using learned = gpu.full([1, 1, 1, 4], 1, { requiresGrad: true });
  assertThrows(
    () => diffAttention(learned, k, q, k, v, lambda),
    RangeError,
    "steps of a loop in the backward pass; expected",
  );
  using x = gpu.full([1, 65_001, 4], 1);
  using mask = gpu.tensor(new Int32Array(65_001).fill(1), [1, 65_001]);
  assertThrows(
    () => maskedMean(x, mask),
    RangeError,
    "x has 65001 tokens a sequence; expected at most 65000",
  );
});
