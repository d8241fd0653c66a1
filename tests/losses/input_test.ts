/** Bad input gets a sentence, and batches at the edge of sense get the value they should have. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError } from "../../lib/gpu/errors.ts";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "../../lib/losses/options.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { checkLoss } from "./check_loss.ts";
import { randomProblem } from "./reference.ts";

const gpu = await Gpu.open();
const impls = ["naive", "chunked", "cut"] as const;

Deno.test("shapes and types that do not fit are named, with what was expected", () => {
  using _ = gpu.scope();
  const e = gpu.zeros([2, 3, 4]), c = gpu.zeros([5, 4]);
  const targets = new Int32Array(6);
  const ints = gpu.tensor(new Int32Array(20), [5, 4]);
  const bad: [string, () => unknown][] = [
    [
      "c has the shape [5, 3], that is D = 3, but e has the shape [2, 3, 4], that is D = 4.",
      () => linearCrossEntropy(e, gpu.zeros([5, 3]), targets),
    ],
    [
      "c has the shape [5]; expected [V, D], both ≥ 1.",
      () => linearCrossEntropy(e, gpu.zeros([5]), targets),
    ],
    [
      "c has the shape [0, 4]; expected [V, D], both ≥ 1.",
      () => linearCrossEntropy(e, gpu.zeros([0, 4]), targets),
    ],
    [
      "e has the shape [4]; expected [..., D] with at least one dimension of tokens before D.",
      () => linearCrossEntropy(gpu.zeros([4]), c, targets),
    ],
    [
      "e has the shape [0, 4]: an empty batch has no loss.",
      () => linearCrossEntropy(gpu.zeros([0, 4]), c, new Int32Array(0)),
    ],
    ["c has the dtype i32; expected f32", () => linearCrossEntropy(e, ints, targets)],
    ["e has the dtype i32; expected f32", () => linearCrossEntropy(ints, c, targets)],
    [
      "e is object; expected a Tensor.",
      () => linearCrossEntropy(new Float32Array(4) as unknown as Tensor, c, targets),
    ],
    [
      "bias has the shape [4]; expected [V] = [5].",
      () => linearCrossEntropy(e, c, targets, { bias: gpu.zeros([4]) }),
    ],
    [
      "weight is Tensor; expected an array of V numbers.",
      () => linearCrossEntropy(e, c, targets, { weight: gpu.zeros([5]) as unknown as number[] }),
    ],
    [
      "weight has 4 elements; expected V = 5.",
      () => linearCrossEntropy(e, c, targets, { weight: [1, 1, 1, 1] }),
    ],
    [
      "bias has the dtype i32; expected f32",
      () => linearCrossEntropy(e, c, targets, { bias: gpu.tensor(new Int32Array(5)) }),
    ],
    [
      "targets has 5 elements; expected int32 of shape [2, 3], that of e [2, 3, 4] without D.",
      () => linearCrossEntropy(e, c, new Int32Array(5)),
    ],
    [
      "targets has the dtype f32; expected int32 of shape [2, 3]",
      () => linearCrossEntropy(e, c, gpu.zeros([2, 3])),
    ],
    [
      "targets has the shape [3, 2]; expected int32 of shape [2, 3]",
      () => linearCrossEntropy(e, c, gpu.tensor(targets, [3, 2])),
    ],
    [
      "targets is Array; expected int32 of shape [2, 3], that of e [2, 3, 4] without D: a Tensor or " +
      "an Int32Array, for instance Int32Array.from(targets, Number).",
      () => linearCrossEntropy(e, c, [0, 0, 0, 0, 0, 0] as unknown as Int32Array),
    ],
    [
      "targets is BigInt64Array; expected int32",
      () => linearCrossEntropy(e, c, new BigInt64Array(6) as unknown as Int32Array),
    ],
    [
      "targets is undefined; expected int32",
      () => linearCrossEntropy(e, c, undefined as unknown as Int32Array),
    ],
    [
      "targets was not written from the host",
      () => linearCrossEntropy(e, c, gpu.zeros([2, 3], { dtype: "i32" })),
    ],
  ];
  for (const [sentence, call] of bad) assertThrows(call, TypeError, sentence);
});

Deno.test("a target out of range names its position, and what was expected", () => {
  using _ = gpu.scope();
  const e = gpu.zeros([2, 3, 4]), c = gpu.zeros([5, 4]);
  for (
    const [targets, sentence] of [
      [[0, 1, 2, 3, 5, 0], "targets[4] is 5; expected 0 to 4 (V − 1) or ignoreIndex = -100."],
      [[0, -1, 2, 3, 4, 0], "targets[1] is -1; expected 0 to 4 (V − 1) or ignoreIndex = -100."],
      [[-(2 ** 31), 0, 0, 0, 0, 0], "targets[0] is -2147483648; expected 0 to 4"],
    ] as const
  ) {
    for (const impl of impls) {
      assertThrows(
        () => linearCrossEntropy(e, c, Int32Array.from(targets), { impl }),
        RangeError,
        sentence,
      );
    }
  }
  // Targets that shift leaves out are not looked at.
  linearCrossEntropy(e, c, Int32Array.of(99, 1, 2, 99, 4, 0), { shift: 1 });
});

Deno.test("options that make no sense are named, with what was expected", () => {
  using _ = gpu.scope();
  const e = gpu.zeros([2, 3, 4]), c = gpu.zeros([5, 4]), targets = new Int32Array(6);
  const positive = "expected a positive number.";
  const bad: [Record<string, unknown>, string][] = [
    [{ softcap: NaN }, `softcap is NaN; ${positive}`],
    [{ softcap: 0 }, `softcap is 0; ${positive}`],
    [{ softcap: -30 }, `softcap is -30; ${positive}`],
    [{ softcap: Infinity }, `softcap is Infinity; ${positive}`],
    [{ shift: 3 }, "shift is 3, but sequences have 3 positions (e is [2, 3, 4]); expected less."],
    [{ shift: -1 }, "shift is -1; expected a whole number of at least 0."],
    [{ shift: 0.5 }, "shift is 0.5; expected a whole number of at least 0."],
    [{ filterEps: 0 }, 'filterEps is 0; expected a number between 0 and 1, "auto" or null.'],
    [{ filterEps: 1 }, "filterEps is 1; expected"],
    [{ filterEps: NaN }, "filterEps is NaN; expected"],
    [{ filterEps: "high" }, "filterEps is high; expected"],
    [{ labelSmoothing: 1 }, "labelSmoothing is 1; expected a number from 0 up to, but not, 1."],
    [{ labelSmoothing: -0.1 }, "labelSmoothing is -0.1; expected"],
    [{ labelSmoothing: NaN }, "labelSmoothing is NaN; expected"],
    [{ zLoss: -1 }, "zLoss is -1; expected a number of at least 0."],
    [{ zLoss: NaN }, "zLoss is NaN; expected a number of at least 0."],
    [{ ignoreIndex: 0.5 }, "ignoreIndex is 0.5; expected a whole number."],
    [{ scratchBytes: 0 }, "scratchBytes is 0; expected a positive number of bytes."],
    [{ weight: [1, 1, -1, 1, 1] }, "weight[2] is -1; expected a number of at least 0."],
    [{ weight: [1, 1, 1, 1, NaN] }, "weight[4] is NaN; expected a number of at least 0."],
    [
      { weight: [1, 1, 1, 1, 1], labelSmoothing: 0.1 },
      "labelSmoothing is 0.1 and there is a weight; expected one of the two.",
    ],
  ];
  for (const [options, sentence] of bad) {
    assertThrows(
      () => linearCrossEntropy(e, c, targets, options as LinearCrossEntropyOptions),
      RangeError,
      sentence,
    );
  }
  assertThrows(
    () => linearCrossEntropy(e, c, targets, { impl: "fast" as "cut" }),
    TypeError,
    'impl is "fast"; expected one of "naive", "chunked", "cut".',
  );
  assertThrows(
    () => linearCrossEntropy(e, c, targets, { reduction: "max" as "sum" }),
    TypeError,
    'reduction is "max"; expected one of "none", "mean", "sum".',
  );
});

Deno.test("bad input holds no memory", async () => {
  using gpu = await Gpu.open();
  using e = gpu.zeros([2, 3, 4]);
  using c = gpu.zeros([5, 4]);
  const before = gpu.memory.live;
  assertThrows(() => linearCrossEntropy(e, c, new Int32Array(6).fill(7)));
  assertThrows(() => linearCrossEntropy(e, c, new Int32Array(6), { softcap: NaN }));
  assertThrows(() => linearCrossEntropy(e, c, new Int32Array(6), { shift: 3 }));
  assertEquals(gpu.memory.live, before);
});

Deno.test("memory that runs out between the lists of a loss leaves none of them behind", async () => {
  const n = 96, v = 300, d = 16;
  const { e, c, targets } = randomProblem({ t: n, v, d });
  // Room for E, C and the lists of tokens, in units of 256 bytes, but not for "correct tokens".
  using gpu = await Gpu.open({ memoryLimit: 4 * (n + v) * d + 3 * 512 + 256 });
  using E = gpu.tensor(e, [n, d]);
  using C = gpu.tensor(c, [v, d]);
  const before = gpu.memory.live;
  const error = assertThrows(
    () => linearCrossEntropy(E, C, targets, { returnAccuracy: true }),
    OutOfMemoryError,
  );
  assert(error.message.includes("correct tokens"), error.message);
  assertEquals(gpu.memory.live, before);
});

Deno.test("more memory than the limit leaves is an exception that leaves nothing behind", async () => {
  const n = 96, v = 300, d = 16;
  const { e, c, targets } = randomProblem({ t: n, v, d, ignored: true });
  for (const impl of impls) {
    for (const filterEps of impl === "cut" ? [null, 2 ** -12] : [null]) {
      let refused = 0, done = false;
      for (let memoryLimit = 30_000; !done; memoryLimit += 6_000) {
        using gpu = await Gpu.open({ memoryLimit });
        using E = gpu.tensor(e, [n, d], { requiresGrad: true });
        using C = gpu.tensor(c, [v, d], { requiresGrad: true });
        const before = gpu.memory.live;
        try {
          using loss = linearCrossEntropy(E, C, targets, { impl, filterEps, scratchBytes: 40_000 });
          loss.backward();
          done = true;
        } catch (error) {
          assert(error instanceof OutOfMemoryError, String(error));
          assert(/^"[^"]+" needs .* but of the memory limit of .* are in use/.test(error.message));
          refused++;
        }
        E.zeroGrad();
        C.zeroGrad();
        assertEquals(
          gpu.memory.live,
          before,
          `${impl} ${filterEps} with ${memoryLimit} bytes holds ${
            JSON.stringify(gpu.memory.byLabel())
          }`,
        );
        await gpu.sync();
      }
      assert(refused >= 5, `${impl} ${filterEps}: refused ${refused} times`);
    }
  }
});

Deno.test("logits larger than a buffer are refused with the way out", () => {
  using _ = gpu.scope();
  const rows = 64, v = Math.ceil(gpu.limits.maxBufferSize / 4 / rows) + 64;
  if (v > 20_000_000) return; // on devices with large buffers C alone would take too much
  const e = gpu.zeros([rows, 1]), c = gpu.zeros([v, 1]);
  assertThrows(
    () => linearCrossEntropy(e, c, new Int32Array(rows), { impl: "naive" }),
    OutOfMemoryError,
    `impl "naive" stores ${rows} × ${v} logits`,
  );
});

Deno.test("a batch whose targets are all ignored has loss 0 and zero gradients", async () => {
  const problem = randomProblem({ t: 9, v: 40, d: 8, bias: true });
  problem.targets.fill(-100);
  for (const reduction of ["none", "mean", "sum"] as const) {
    for (const filterEps of [null, "auto"] as const) {
      const options = { reduction, filterEps, zLoss: 0.1 };
      await checkLoss(gpu, `all ignored ${JSON.stringify(options)}`, { problem, options });
      await checkLoss(gpu, `all ignored, lse`, { problem, options, lse: true });
    }
  }
  using e = gpu.tensor(problem.e, [9, 8], { requiresGrad: true });
  using c = gpu.tensor(problem.c, [40, 8]);
  const before = gpu.memory.live;
  using loss = linearCrossEntropy(e, c, problem.targets);
  assertEquals(await loss.item(), 0);
  loss.backward();
  assertEquals([...await e.grad!.read()], Array(72).fill(0));
  loss.dispose();
  e.zeroGrad();
  assertEquals(gpu.memory.live, before);
});

Deno.test("a bias of −inf takes a class out without poisoning its row", async () => {
  const problem = randomProblem({ t: 40, v: 150, d: 16, bias: true });
  const masked = (v: number) => v % 3 === 1 || (v >= 64 && v < 128); // whole tiles as well
  problem.bias = problem.bias!.map((b, v) => masked(v) ? -Infinity : b);
  problem.targets = problem.targets.map((target) => masked(target) ? 0 : target);
  for (const reduction of ["none", "mean"] as const) {
    for (const filterEps of [null, "auto"] as const) {
      const options = { reduction, filterEps };
      await checkLoss(gpu, `−inf bias ${JSON.stringify(options)}`, { problem, options });
    }
  }
});

Deno.test("the loss is never negative, however confident a row is", async () => {
  const n = 64, v = 200, d = 96;
  const { e, c } = randomProblem({ t: n, v, d });
  const confident = e.map((_, i) => c[i] * 3); // row i is three times the i-th row of C
  const targets = Int32Array.from({ length: n }, (_, i) => i);
  for (const softcap of [undefined, 20]) {
    for (const impl of impls) {
      using E = gpu.tensor(confident, [n, d], { requiresGrad: true });
      using C = gpu.tensor(c, [v, d], { requiresGrad: true });
      using loss = linearCrossEntropy(E, C, targets, {
        impl,
        softcap,
        reduction: "none",
        filterEps: impl === "cut" ? "auto" : null,
      });
      loss.keep();
      loss.backward(gpu.full([n], 1));
      const [losses, dE, dC] = await gpu.read([loss, E.grad!, C.grad!]);
      assert(losses.every((x) => x >= 0 && Number.isFinite(x)), `${impl} ${softcap}`);
      assert(dE.every(Number.isFinite) && dC.every(Number.isFinite), `${impl} ${softcap}`);
    }
  }
});

Deno.test("logits of thousands do not overflow", async () => {
  const problem = randomProblem({ t: 20, v: 70, d: 8 });
  problem.e = problem.e.map((x) => x * 400);
  for (const filterEps of [null, "auto"] as const) {
    const options = { filterEps, reduction: "none" } as const;
    // The last bit of a logit of 4096 is worth 5e-4, of one of 50 it is 4e-6.
    await checkLoss(gpu, "large logits", { problem, options, looser: 100 });
  }
});

Deno.test("rows whose upstream gradient is zero get none and give none", async () => {
  const n = 40, v = 150, d = 16;
  const { e, c, targets } = randomProblem({ t: n, v, d });
  const half = Float32Array.from({ length: n }, (_, i) => i < n / 2 ? 1 : 0);
  for (const impl of impls) {
    for (const filterEps of impl === "cut" ? [null, "auto" as const] : [null]) {
      using _ = gpu.scope();
      const gradients = async (rows: number, upstream: Float32Array) => {
        const E = gpu.tensor(e.slice(0, rows * d), [rows, d], { requiresGrad: true });
        const C = gpu.tensor(c, [v, d], { requiresGrad: true });
        linearCrossEntropy(E, C, targets.slice(0, rows), { impl, filterEps, reduction: "none" })
          .backward(gpu.tensor(upstream));
        const found = await gpu.read([E.grad!, C.grad!]);
        E.dispose(), C.dispose();
        return found;
      };
      const [dE, dC] = await gradients(n, half);
      const [dEOfHalf, dCOfHalf] = await gradients(n / 2, half.slice(0, n / 2));
      assert(dE.subarray(n / 2 * d).every((x) => x === 0), `${impl} ${filterEps}`);
      for (const [a, b] of [[dE.subarray(0, n / 2 * d), dEOfHalf], [dC, dCOfHalf]]) {
        a.forEach((x, i) => assert(Math.abs(x - b[i]) <= 1e-6 + 1e-5 * Math.abs(b[i])));
      }
    }
  }
});
