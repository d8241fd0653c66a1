import { assert, assertEquals, assertThrows } from "@std/assert";
import { halfTile } from "../../lib/gpu/tiles.ts";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "../../lib/losses/options.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { expected, type HostProblem, normals, randomProblem } from "./reference.ts";

/** Every way; 2⁻⁴⁰ filters, but nothing that f32 would notice. */
const WAYS: readonly LinearCrossEntropyOptions[] = [
  { impl: "naive" },
  { impl: "chunked" },
  { impl: "cut", filterEps: null },
  { impl: "cut", filterEps: 2 ** -40 },
];

/** The values of E and C as f16 holds them. */
function rounded(p: HostProblem): HostProblem {
  const round = (x: Float32Array) => Float32Array.from(new Float16Array(x));
  return { ...p, e: round(p.e), c: round(p.c) };
}

interface Result {
  loss: Float32Array;
  dE: Float32Array;
  dC: Float32Array;
  dBias?: Float32Array;
}

/** Loss and gradients with E and C in f16. */
async function run(gpu: Gpu, p: HostProblem, options: LinearCrossEntropyOptions): Promise<Result> {
  using e = gpu.tensor(new Float16Array(p.e), [p.b, p.t, p.d], { requiresGrad: true });
  using c = gpu.tensor(new Float16Array(p.c), [p.v, p.d], { requiresGrad: true });
  using bias = p.bias && gpu.tensor(p.bias, [p.v], { requiresGrad: true });
  using loss = linearCrossEntropy(e, c, p.targets, { ...options, bias });
  loss.backward();
  assertEquals([e.grad!.dtype, c.grad!.dtype], ["f32", "f32"]);
  assertEquals([e.grad!.shape, c.grad!.shape], [e.shape, c.shape]);
  const [l, dE, dC, dBias] = await gpu.read(
    [loss, e.grad!, c.grad!, bias?.grad].filter((x): x is Tensor => x !== undefined),
  );
  return { loss: l, dE, dC, dBias };
}

/** |x − y| / |y| over all elements. */
function relativeError(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let difference = 0, size = 0;
  for (let i = 0; i < y.length; i++) {
    difference += (x[i] - y[i]) ** 2;
    size += y[i] ** 2;
  }
  return Math.sqrt(difference / size);
}

/** Multiples of 1/4 up to 2: sums of up to 32 products are multiples of 1/16 up to 128. */
function quarters(p: HostProblem): HostProblem {
  const round = (x: Float32Array) =>
    Float32Array.from(x, (value) => Math.max(-2, Math.min(2, Math.round(value * 4) / 4)));
  return {
    ...p,
    e: round(p.e.map((x) => x * Math.sqrt(p.d) / 2)),
    c: round(p.c.map((x) => x / 2)),
  };
}

for (
  const [name, size, options] of [
    ["D a multiple of the step, all tokens", { t: 40, v: 150, d: 48 }, {}],
    ["D odd, tokens ignored, bias and softcap", {
      t: 70,
      v: 90,
      d: 37,
      bias: true,
      ignored: true,
    }, { softcap: 8 }],
  ] as const
) {
  Deno.test(`half mode is as exact as f32 where a chain's products add up to 11 bits: ${name}`, async () => {
    using gpu = await Gpu.open();
    const p = quarters(randomProblem(size));
    const { loss, dE, dC, dBias } = expected(p, options);
    for (const way of WAYS) {
      const result = await run(gpu, p, { ...way, ...options });
      // Logits are exact; what is left are f32's exponentials and sums.
      const label = JSON.stringify(way);
      assert(Math.abs(result.loss[0] - loss[0]) < 1e-5 + 1e-6 * loss[0], `${label}: loss`);
      for (
        const [x, y] of [[result.dE, dE], [result.dC, dC], [result.dBias ?? [], dBias]] as const
      ) {
        if (x.length > 0) assert(relativeError(x, y) < 2e-6, `${label}: ${relativeError(x, y)}`);
      }
    }
  });
}

/** E = N(0, 1), C = N(0, 1/D): logits N(0, 1), as of an untrained model. */
function flatProblem({ t, v, d }: { t: number; v: number; d: number }): HostProblem {
  const normal = normals(3);
  const half = (length: number, scale: number) =>
    Float32Array.from(Float16Array.from({ length }, () => normal() * scale));
  return {
    e: half(t * d, 1),
    c: half(v * d, 1 / Math.sqrt(d)),
    targets: Int32Array.from({ length: t }, (_, i) => (i * 37) % v),
    b: 1,
    t,
    d,
    v,
  };
}

Deno.test("half mode's error is what f16 sums of a chain's products make of it", async () => {
  using gpu = await Gpu.open();
  const p = flatProblem({ t: 64, v: 200, d: 128 });
  const { loss, dE, dC } = expected(p, {});
  for (const way of WAYS) {
    const result = await run(gpu, p, way);
    const label = JSON.stringify(way);
    // A chain's products of size 1/√128 add up to about 0.5; each of its additions is off by up to 2⁻¹² of
    // that, 5e-5 at random: over 128 of them 1e-3 in a logit. A gradient's error is that of its
    // probabilities, averaged over tokens or entries; the mean loss averages 64 tokens' errors.
    assert(Math.abs(result.loss[0] - loss[0]) < 5e-4, `${label}: ${result.loss[0]}, ${loss[0]}`);
    for (const [x, y] of [[result.dE, dE], [result.dC, dC]]) {
      const error = relativeError(x, y);
      assert(error > 1e-7 && error < 1e-3, `${label}: ${error}`);
    }
  }
});

Deno.test("half mode gives the same bits every time", async () => {
  using gpu = await Gpu.open();
  const p = rounded(randomProblem({ t: 64, v: 300, d: 33, ignored: true }));
  for (const way of [{ impl: "cut", filterEps: 2 ** -12 }, { impl: "chunked" }] as const) {
    const first = await run(gpu, p, way);
    assertEquals(await run(gpu, p, way), first);
  }
});

/** E all `e` and C all `c`, but for one row of C, `other`: one token whose target it is. */
function constant(d: number, e: number, c: number, other: number): HostProblem {
  const classifier = new Float32Array(40 * d).fill(c);
  classifier.fill(other, 3 * d, 4 * d);
  const embedding = new Float32Array(d).fill(e);
  return { e: embedding, c: classifier, targets: Int32Array.of(3), b: 1, t: 1, d, v: 40 };
}

Deno.test("logits beyond f16's range are right while a chain's products are within", async () => {
  using gpu = await Gpu.open();
  // 61440 a chain and multiples of 1920 or 3840 on the way, which f16 holds; four chains make a logit.
  const chain = halfTile(gpu).k, c = 61440 / 64 / chain;
  const p = constant(4 * chain, 64, -c, c);
  for (const way of WAYS) {
    assertEquals((await run(gpu, p, way)).loss[0], 0);
    assertEquals((await run(gpu, { ...p, targets: Int32Array.of(5) }, way)).loss[0], 8 * 61440);
  }
});

Deno.test("a chain's products beyond f16's range make the loss infinite", async () => {
  using gpu = await Gpu.open();
  const chain = halfTile(gpu).k, beyond = 67584 / 64 / chain;
  for (const other of [beyond, -beyond]) {
    for (const way of WAYS) {
      for (const target of [3, 5]) {
        const p = { ...constant(4 * chain, 64, 1, other), targets: Int32Array.of(target) };
        assertEquals((await run(gpu, p, way)).loss[0], Infinity, JSON.stringify({ way, other }));
      }
    }
  }
});

Deno.test("halves that nothing can be done with are named", async () => {
  using gpu = await Gpu.open();
  using e16 = gpu.tensor(new Float16Array(8), [2, 4]);
  using e32 = gpu.tensor(new Float32Array(8), [2, 4]);
  using c16 = gpu.tensor(new Float16Array(12), [3, 4]);
  using c32 = gpu.tensor(new Float32Array(12), [3, 4]);
  using bias = gpu.tensor(new Float16Array(3));
  const targets = Int32Array.of(0, 2);
  const both = "expected both f32 or both f16";
  assertThrows(() => linearCrossEntropy(e16, c32, targets), TypeError, `e has the dtype f16 and c`);
  assertThrows(() => linearCrossEntropy(e32, c16, targets), TypeError, both);
  assertThrows(
    () => linearCrossEntropy(e16, c16, targets, { bias }),
    TypeError,
    "bias has the dtype f16; expected f32",
  );
  Object.defineProperty(gpu, "features", { value: new Set() });
  assertThrows(
    () => linearCrossEntropy(e16, c16, targets),
    TypeError,
    `needs the feature "shader-f16"`,
  );
});
