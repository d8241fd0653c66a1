/** What is infinite or no number shows in the loss and in the gradients, in every way. */
import { assert, assertEquals } from "@std/assert";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "../../lib/losses/options.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { type HostProblem, randomProblem } from "./reference.ts";

const gpu = await Gpu.open();
const [N, V, D] = [37, 211, 29];

const WAYS: readonly LinearCrossEntropyOptions[] = [
  { impl: "naive" },
  { impl: "chunked" },
  { impl: "cut" },
  { impl: "cut", filterEps: "auto" },
  { impl: "cut", filterEps: 2 ** -12 },
];

interface Found {
  losses: Float32Array;
  dE: Float32Array;
  dC: Float32Array;
}

/** Losses of all tokens, and the gradients of their sum or of their mean. */
async function run(
  p: HostProblem,
  options: LinearCrossEntropyOptions,
  half = false,
): Promise<Found> {
  const typed = (x: Float32Array) => half ? new Float16Array(x) : x;
  using e = gpu.tensor(typed(p.e), [N, D], { requiresGrad: true });
  using c = gpu.tensor(typed(p.c), [V, D], { requiresGrad: true });
  using bias = p.bias && gpu.tensor(p.bias);
  using loss = linearCrossEntropy(e, c, p.targets, { ...options, bias }).keep();
  loss.backward(options.reduction === "none" ? gpu.full([N], 1) : undefined);
  const [losses, dE, dC] = await gpu.read([loss, e.grad!, c.grad!]);
  return { losses, dE, dC };
}

/** Fails unless exactly `spoilt` rows have an infinite loss and no gradient; nor has C then. */
function assertSpoilt({ losses, dE, dC }: Found, spoilt: (row: number) => boolean, what: string) {
  losses.forEach((loss, row) => {
    if (spoilt(row)) assertEquals(loss, Infinity, `${what}: loss of ${row}`);
    else assert(Number.isFinite(loss), `${what}: loss of ${row} is ${loss}`);
  });
  dE.forEach((x, at) => {
    const row = Math.floor(at / D);
    assert(Number.isNaN(x) === spoilt(row), `${what}: dE of row ${row} is ${x}`);
  });
  assert(dC.every(Number.isNaN), `${what}: dC has numbers`);
}

for (const x of [NaN, Infinity, -Infinity]) {
  Deno.test(`${x} in a row of E spoils that row, and all of dC`, async () => {
    for (const options of WAYS) {
      for (const softcap of [undefined, 20]) {
        const p = randomProblem({ t: N, v: V, d: D });
        p.e[5 * D + 3] = x;
        const what = JSON.stringify({ ...options, softcap });
        const none = await run(p, { ...options, softcap, reduction: "none" });
        assertSpoilt(none, (row) => row === 5, what);
        const { losses, dE, dC } = await run(p, { ...options, softcap });
        assertEquals(losses[0], Infinity, `${what}: mean`);
        assert(dE.subarray(5 * D, 6 * D).every(Number.isNaN) && dC.every(Number.isNaN), what);
        if (!gpu.features.has("shader-f16") || softcap) continue;
        const half = await run(p, { ...options, reduction: "none" }, true);
        assertSpoilt(half, (row) => row === 5, `f16 ${what}`);
      }
    }
  });
}

Deno.test("a row of C with NaN spoils every token, whatever its target", async () => {
  for (const options of WAYS) {
    const p = randomProblem({ t: N, v: V, d: D });
    p.c[100 * D + 3] = NaN;
    const found = await run(p, { ...options, reduction: "none" });
    assertSpoilt(found, () => true, JSON.stringify(options));
  }
});

Deno.test("a bias of NaN or +Infinity spoils every token", async () => {
  for (const x of [NaN, Infinity]) {
    for (const options of WAYS) {
      const p = randomProblem({ t: N, v: V, d: D, bias: true });
      p.bias![100] = x;
      const found = await run(p, { ...options, reduction: "none" });
      assertSpoilt(found, () => true, `${x} ${JSON.stringify(options)}`);
    }
  }
});

Deno.test("logits beyond f32's range spoil their row", async () => {
  for (const options of WAYS) {
    const p = randomProblem({ t: N, v: V, d: D });
    p.e.fill(1e25, 5 * D, 6 * D);
    p.c.fill(1e25, 100 * D, 101 * D);
    const found = await run(p, { ...options, reduction: "none" });
    const what = JSON.stringify(options);
    assertEquals(found.losses[5], Infinity, what);
    assert(found.dE.subarray(5 * D, 6 * D).every(Number.isNaN), what);
    assert(found.dC.every(Number.isNaN), what);
  }
});

Deno.test("a token whose target is masked has an infinite loss, and a gradient as if it were not", async () => {
  for (const options of WAYS) {
    const p = randomProblem({ t: N, v: V, d: D, bias: true });
    const masked = p.targets[3];
    p.bias![masked] = -Infinity;
    const { losses, dE, dC } = await run(p, { ...options, reduction: "none" });
    const what = JSON.stringify(options);
    losses.forEach((loss, row) => {
      if (p.targets[row] === masked) assertEquals(loss, Infinity, what);
      else assert(Number.isFinite(loss), what);
    });
    assert(dE.every(Number.isFinite) && dC.every(Number.isFinite), what);
  }
});
