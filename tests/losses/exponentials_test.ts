/** The chunked way by exponentials of the logits, with the software adapter's tiles and with those of GPUs. */
import { assert, assertEquals } from "@std/assert";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { IN_PAIRS } from "../../lib/tensor/product_pair.ts";
import { TRANSPOSED_FIRST } from "../../lib/tensor/product_plan.ts";
import { assertWithin, checkLoss, type LossCase, TOLERANCES } from "./check_loss.ts";
import { randomProblem } from "./reference.ts";

const impls = ["chunked"] as const;

/** Two blocks of 128 rows and one of 44: see `rowsOfBlock`. */
const T = 300, V = 1100, D = 32, BLOCKS = { scratchBytes: 2 ** 20 };

/** Once for the software adapter's tiles, once for those of GPUs. */
async function withTiles(test: (gpu: Gpu, tiles: string) => Promise<void>): Promise<void> {
  for (const software of [true, false]) {
    using gpu = await Gpu.open();
    if (!gpu.adapter.software && software) continue;
    (gpu.adapter as { software: boolean }).software = software;
    await test(gpu, software ? "software tiles" : "tiles of GPUs");
  }
}

Deno.test("losses and gradients of several blocks agree with f64", async () => {
  const weight = Float32Array.from({ length: V }, (_, i) => 0.5 + i % 3);
  const cases: [string, LossCase][] = [
    ["all rows", { problem: randomProblem({ t: T, v: V, d: D }), options: BLOCKS }],
    ["some rows, bias", {
      problem: randomProblem({ t: T, v: V, d: D, bias: true, ignored: true }),
      options: { ...BLOCKS, reduction: "sum" },
      looser: 4, // sums are larger than means
    }],
    ["weights", { problem: randomProblem({ t: T, v: V, d: D }), options: { ...BLOCKS, weight } }],
    ["no multiple of four", { problem: randomProblem({ t: T, v: 1101, d: 33 }), options: BLOCKS }],
    ["only C", {
      problem: randomProblem({ t: T, v: V, d: D }),
      options: BLOCKS,
      requires: { c: true },
    }],
  ];
  await withTiles(async (gpu, tiles) => {
    for (const [name, test] of cases) await checkLoss(gpu, `${tiles}, ${name}`, { ...test, impls });
  });
});

Deno.test("E transposed where its gradient comes gives the gradients that it gives otherwise", async () => {
  const { e: hostE, c: hostC, targets } = randomProblem({ t: T, v: V, d: D });
  await withTiles(async (gpu, tiles) => {
    const found: Float32Array[][] = [];
    for (const first of [true, false]) {
      using e = gpu.tensor(hostE, [T, D], { requiresGrad: true });
      using c = gpu.tensor(hostC, [V, D], { requiresGrad: true });
      gpu.tuning.using(TRANSPOSED_FIRST, first, () => {
        using loss = linearCrossEntropy(e, c, targets, { impl: "chunked", ...BLOCKS });
        loss.backward();
      });
      found.push(await gpu.read([e.grad!, c.grad!]));
    }
    // With tiles of GPUs the products differ in their tiles, and so rows in the order of their sums.
    found[0].forEach((x, which) => assertWithin(x, found[1][which], TOLERANCES.dE, tiles));
  });
});

Deno.test("gradients of E and of C have the same bits by one dispatch as by two", async () => {
  const { e: hostE, c: hostC, targets } = randomProblem({ t: T, v: V, d: D });
  await withTiles(async (gpu, tiles) => {
    const found: Float32Array[][] = [];
    for (const inPairs of [true, false]) {
      using e = gpu.tensor(hostE, [T, D], { requiresGrad: true });
      using c = gpu.tensor(hostC, [V, D], { requiresGrad: true });
      gpu.tuning.using(IN_PAIRS, inPairs, () => {
        using loss = linearCrossEntropy(e, c, targets, { impl: "chunked", ...BLOCKS });
        loss.backward();
      });
      found.push(await gpu.read([e.grad!, c.grad!]));
    }
    assertEquals(found[0], found[1], tiles);
  });
});

Deno.test("logits far above the target's, up to beyond what exp can hold, cost no accuracy", async () => {
  const problem = randomProblem({ t: T, v: V, d: D });
  // Differences of some tens, of hundreds and of thousands; other rows stay as they are.
  for (const [row, factor] of [[3, 20], [4, 100], [131, 100], [140, 1000], [299, 20]]) {
    for (let k = row * D; k < (row + 1) * D; k++) problem.e[k] *= factor;
  }
  await withTiles(async (gpu, tiles) => {
    // The largest logits are in the thousands, whose last bit is worth 2e-4.
    await checkLoss(gpu, tiles, { problem, options: BLOCKS, impls, looser: 20 });
  });
});

Deno.test("a logit that is not finite makes the loss infinite and spoils its row's gradient", async () => {
  const rows = [5, 200];
  await withTiles(async (gpu, tiles) => {
    for (const x of [NaN, Infinity, -Infinity, 3e38, -3e38]) {
      const problem = randomProblem({ t: T, v: V, d: D });
      for (const row of rows) problem.e[row * D + 7] = x;
      problem.c[3 * D + 7] = 2; // so that 3e38 overflows
      using e = gpu.tensor(problem.e, [T, D], { requiresGrad: true });
      using c = gpu.tensor(problem.c, [V, D], { requiresGrad: true });
      using loss = linearCrossEntropy(e, c, problem.targets, { impl: "chunked", ...BLOCKS });
      loss.backward();
      const [[value], dE, dC] = await gpu.read([loss, e.grad!, c.grad!]);
      assertEquals(value, Infinity, `${tiles}, ${x}: loss`);
      dE.forEach((y, i) => {
        const isSpoilt = rows.includes(Math.floor(i / D));
        assert(Number.isNaN(y) === isSpoilt, `${tiles}, ${x}: dE[${i}] is ${y}`);
      });
      assert(dC.every(Number.isNaN), `${tiles}, ${x}: dC has numbers`);
    }
  });
});

Deno.test("a loss without gradients has the bits of one with", async () => {
  const { e: hostE, c: hostC, targets } = randomProblem({ t: T, v: V, d: D });
  await withTiles(async (gpu, tiles) => {
    using e = gpu.tensor(hostE, [T, D], { requiresGrad: true });
    using c = gpu.tensor(hostC, [V, D]);
    using taped = linearCrossEntropy(e, c, targets, { impl: "chunked", ...BLOCKS });
    using _ = gpu.noGrad();
    using alone = linearCrossEntropy(e, c, targets, { impl: "chunked", ...BLOCKS });
    assertEquals(await alone.item(), await taped.item(), tiles);
  });
});
