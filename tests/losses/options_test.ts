/** Options beyond the grid, against f64. */
import { assert, assertEquals } from "@std/assert";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { assertWithin, checkLoss, TOLERANCES } from "./check_loss.ts";
import { expected, normals, randomProblem } from "./reference.ts";

const gpu = await Gpu.open();
const reductions = ["none", "mean", "sum"] as const;

Deno.test("label smoothing agrees with f64, with softcap, z-loss and every reduction", async () => {
  const problem = randomProblem({ t: 45, v: 150, d: 20, bias: true, ignored: true });
  for (const reduction of reductions) {
    for (const softcap of [undefined, 20]) {
      for (const [labelSmoothing, zLoss] of [[0.1, 0], [0.3, 0.001]]) {
        const options = { reduction, softcap, labelSmoothing, zLoss };
        await checkLoss(gpu, JSON.stringify(options), { problem, options });
      }
    }
  }
});

Deno.test("gradients flow through the log-sum-exp as well as through the loss", async () => {
  const problem = randomProblem({ b: 3, t: 13, v: 211, d: 29, bias: true, ignored: true });
  for (const reduction of reductions) {
    for (const [shift, softcap] of [[0, undefined], [2, 20]]) {
      const options = { reduction, shift, softcap, zLoss: 0.001 };
      await checkLoss(gpu, `lse ${JSON.stringify(options)}`, { problem, options, lse: true });
    }
    const options = { reduction, filterEps: "auto" } as const;
    await checkLoss(gpu, `filtered ${reduction}`, { problem, options, lse: true, impls: ["cut"] });
  }
});

Deno.test("gradients flow through the log-sum-exp alone, and leave the loss out", async () => {
  const problem = randomProblem({ t: 20, v: 50, d: 9, ignored: true });
  const weights = Float32Array.from({ length: 20 }, normals(5));
  const truth = expected(problem, { reduction: "sum" }, [0], weights);
  for (const impl of ["naive", "chunked", "cut"] as const) {
    for (const filterEps of impl === "cut" ? [null, "auto" as const] : [null]) {
      using _scope = gpu.scope();
      const e = gpu.tensor(problem.e, [20, 9], { requiresGrad: true });
      const c = gpu.tensor(problem.c, [50, 9], { requiresGrad: true });
      const options = { impl, filterEps, returnLse: true } as const;
      const { lse } = linearCrossEntropy(e, c, problem.targets, options);
      lse.backward(gpu.tensor(weights));
      const [dE, dC] = await gpu.read([e.grad!, c.grad!]);
      assertWithin(dE, truth.dE, TOLERANCES.dE, `${impl} ${filterEps}: dE`);
      assertWithin(dC, truth.dC, TOLERANCES.dC, `${impl} ${filterEps}: dC`);
      e.dispose(), c.dispose();
    }
  }
});

Deno.test("weights of classes multiply losses, and a mean is divided by their sum", async () => {
  const problem = randomProblem({ b: 2, t: 20, v: 90, d: 12, bias: true, ignored: true });
  const weight = Float32Array.from({ length: 90 }, (_, i) => i % 4 === 1 ? 0 : 0.1 + i / 30);
  for (const reduction of reductions) {
    for (const [softcap, shift] of [[undefined, 0], [20, 1]]) {
      const options = { reduction, softcap, shift, weight, zLoss: 0.001 };
      await checkLoss(gpu, `weights ${reduction}`, { problem, options, lse: true, accuracy: true });
    }
    const options = { reduction, weight, filterEps: "auto" } as const;
    await checkLoss(gpu, `weights, filtered, ${reduction}`, { problem, options, impls: ["cut"] });
  }
});

Deno.test("if no token that counts has a weight, the mean is 0 and has no gradient", async () => {
  const problem = randomProblem({ t: 9, v: 40, d: 8 });
  const weight = new Float32Array(40).fill(1);
  problem.targets.forEach((target) => weight[target] = 0);
  for (const filterEps of [null, "auto"] as const) {
    await checkLoss(gpu, "no weight", { problem, options: { weight, filterEps } });
  }
});

Deno.test("accuracy is the share, the number or the list of tokens whose target is the most likely", async () => {
  for (const ignored of [false, true]) {
    const problem = randomProblem({ t: 60, v: 150, d: 24, ignored });
    for (const reduction of reductions) {
      for (const labelSmoothing of [0, 0.1]) {
        const options = { reduction, labelSmoothing };
        await checkLoss(gpu, `accuracy ${reduction}`, { problem, options, accuracy: true });
      }
    }
  }
  for (const impl of ["naive", "chunked", "cut"] as const) {
    using _scope = gpu.scope();
    // Token 0 is sure of its target, token 1 of another entry, and to token 2 all are the same.
    const e = gpu.tensor([1, 0, 0, 1, 0, 0, NaN, 0], [4, 2]),
      c = gpu.tensor([9, 0, 0, 9, 1, 1], [3, 2]);
    const options = { impl, reduction: "none", returnAccuracy: true } as const;
    const { loss, accuracy } = linearCrossEntropy(e, c, Int32Array.of(0, 0, 2, 0), options);
    assertEquals([...await accuracy.read()], [1, 0, 1, 0], impl);
    loss.dispose();
    accuracy.dispose();
  }
  using e = gpu.tensor([1, 2], [1, 2]), c = gpu.tensor([1, 2, 3, 4], [2, 2]);
  const none = linearCrossEntropy(e, c, Int32Array.of(-100), { returnAccuracy: true });
  assertEquals([await none.loss.item(), await none.accuracy.item()], [0, 0]);
});

Deno.test("with label smoothing nothing is negligible: the filter is off", async () => {
  const problem = randomProblem({ t: 20, v: 300, d: 9 });
  const options = { labelSmoothing: 0.2, filterEps: 0.5 };
  await checkLoss(gpu, "smoothing and a coarse filter", { problem, options, impls: ["cut"] });
});

Deno.test("a filter of machine precision changes nothing that f32 could show", async () => {
  for (
    const [t, v, d, softcap, reduction] of [
      [37, 211, 29, undefined, "mean"],
      [37, 211, 29, 20, "none"],
      [100, 300, 64, 20, "sum"],
      [1, 2, 1, undefined, "none"],
    ] as const
  ) {
    for (const [shift, bias] of [[0, false], [Math.min(1, t - 1), true]] as const) {
      const problem = randomProblem({ t, v, d, bias, ignored: true });
      const options = { softcap, reduction, shift, zLoss: 0.001, filterEps: "auto" } as const;
      const name = `filterEps auto N=${t} V=${v} D=${d} ${JSON.stringify(options)}`;
      await checkLoss(gpu, name, { problem, options, impls: ["cut"] });
    }
  }
});

Deno.test("only the gradients that are required are computed", async () => {
  const problem = randomProblem({ t: 37, v: 140, d: 12, bias: true, ignored: true });
  for (const requires of [{ e: true }, { c: true }, { bias: true }, { e: true, bias: true }]) {
    for (const [filterEps, impls] of [[null, undefined], ["auto", ["cut"]]] as const) {
      for (const reduction of ["mean", "none"] as const) {
        const options = { filterEps, reduction };
        const name = `${JSON.stringify(requires)} ${JSON.stringify(options)}`;
        await checkLoss(gpu, name, { problem, options, requires, impls });
      }
    }
  }
});

Deno.test("without gradients only the loss is computed, in the same bits", async () => {
  const problem = randomProblem({ t: 40, v: 150, d: 16, ignored: true });
  for (const reduction of reductions) {
    await checkLoss(gpu, `forward only, ${reduction}`, {
      problem,
      options: { reduction },
      forwardOnly: true,
    });
  }
  for (const impl of ["naive", "chunked", "cut"] as const) {
    using _scope = gpu.scope();
    const e = gpu.tensor(problem.e, [40, 16], { requiresGrad: true });
    const c = gpu.tensor(problem.c, [150, 16]);
    const taped = linearCrossEntropy(e, c, problem.targets, { impl });
    using _noGrad = gpu.noGrad();
    const alone = linearCrossEntropy(e, c, problem.targets, { impl });
    assertEquals(alone.requiresGrad, false);
    const [a, b] = await gpu.read([taped, alone]);
    assertEquals(a, b, impl);
  }
});

Deno.test("gradients made along with a chunked loss have the bits of those made after it", async () => {
  const problem = randomProblem({ t: 300, v: 2070, d: 20, ignored: true });
  const classes = Float32Array.from({ length: 2070 }, (_, i) => 0.5 + i % 3);
  for (const more of [{ softcap: 20, weight: classes }, { labelSmoothing: 0.1, zLoss: 0.001 }]) {
    const options = { impl: "chunked", scratchBytes: 2 ** 20, ...more } as const; // several blocks of rows
    const results: Float32Array[][] = [];
    for (const returnLse of [false, true]) { // with its log-sum-exp they are made after it
      using _scope = gpu.scope();
      const e = gpu.tensor(problem.e, [300, 20], { requiresGrad: true });
      const c = gpu.tensor(problem.c, [2070, 20], { requiresGrad: true });
      const loss = returnLse
        ? linearCrossEntropy(e, c, problem.targets, { ...options, returnLse }).loss
        : linearCrossEntropy(e, c, problem.targets, options);
      loss.backward();
      results.push(await gpu.read([loss, e.grad!, c.grad!]));
    }
    const [along, after] = results;
    along.forEach((x, i) => assertEquals(x.findIndex((value, j) => value !== after[i][j]), -1));
  }
});

Deno.test("E may have any leading dimensions; each of its sequences is shifted", async () => {
  const problem = randomProblem({ b: 6, t: 5, v: 70, d: 9, ignored: true });
  for (const shift of [0, 1, 4]) {
    for (const reduction of ["none", "mean"] as const) {
      const options = { shift, reduction };
      await checkLoss(gpu, `[2, 3, 5] ${JSON.stringify(options)}`, {
        problem,
        options,
        leading: [2, 3, 5],
      });
    }
  }
  using e = gpu.tensor(problem.e, [2, 3, 5, 9]);
  using c = gpu.tensor(problem.c, [70, 9]);
  const { loss, lse } = linearCrossEntropy(e, c, problem.targets, {
    shift: 1,
    reduction: "none",
    returnLse: true,
  });
  assertEquals([loss.shape, lse.shape], [[2, 3, 4], [2, 3, 4]]);
  using scalar = linearCrossEntropy(e, c, problem.targets);
  assertEquals(scalar.shape, []);
  loss.dispose();
  lse.dispose();
});

Deno.test("another ignoreIndex counts targets of −100 as wrong, and any may be ignored", async () => {
  const problem = randomProblem({ t: 30, v: 40, d: 8 });
  problem.targets = problem.targets.map((target, i) => i % 3 === 0 ? 7 : target);
  for (const impl of ["naive", "chunked", "cut"] as const) {
    await checkLoss(gpu, `ignoreIndex 7, ${impl}`, {
      problem,
      options: { ignoreIndex: 7 },
      impls: [impl],
    });
  }
});

Deno.test("targets may be a tensor of integers", async () => {
  const { e, c, targets } = randomProblem({ t: 12, v: 40, d: 8, ignored: true });
  using _scope = gpu.scope();
  const [E, C] = [gpu.tensor(e, [3, 4, 8]), gpu.tensor(c, [40, 8])];
  const a = linearCrossEntropy(E, C, targets);
  const b = linearCrossEntropy(E, C, gpu.tensor(targets, [3, 4]));
  const [x, y] = await gpu.read([a, b]);
  assertEquals(x, y);
});

Deno.test("E and C may be one tensor, whose gradient is the sum of both", async () => {
  const { e, targets } = randomProblem({ t: 30, v: 30, d: 8 });
  for (const impl of ["naive", "chunked", "cut"] as const) {
    using _scope = gpu.scope();
    const x = gpu.tensor(e, [30, 8], { requiresGrad: true });
    const [e1, c1] = [x.alias(), x.alias()];
    e1.requiresGrad = c1.requiresGrad = true;
    linearCrossEntropy(x, x, targets, { impl }).backward();
    linearCrossEntropy(e1, c1, targets, { impl }).backward();
    const [both, one, other] = await gpu.read([x.grad!, e1.grad!, c1.grad!]);
    assert(both.every((value, i) => Math.abs(value - one[i] - other[i]) < 1e-6), impl);
    for (const tensor of [x, e1, c1]) tensor.dispose();
  }
});

Deno.test("bounded scratch memory gives the same result in many blocks", async () => {
  const problem = randomProblem({ t: 300, v: 700, d: 12, bias: true, ignored: true });
  for (const reduction of ["mean", "none"] as const) {
    const options = { reduction, scratchBytes: 70_000, softcap: 20 };
    await checkLoss(gpu, `70 kB of scratch, ${reduction}`, {
      problem,
      options,
      impls: ["chunked", "cut"],
    });
  }
});
