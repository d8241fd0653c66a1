import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import { gelu, matmul, mul, scale, sum } from "../../lib/ops/mod.ts";
import { checkGradient, GradientError } from "../../lib/tensor/check_gradient.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { record } from "../../lib/tensor/tape.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { normals } from "../losses/reference.ts";

const gpu = await Gpu.open();

function random(shape: number[], seed: number, requiresGrad = true): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: count }, normals(seed));
  return gpu.tensor(data, shape, { requiresGrad, label: `x${seed}` });
}

Deno.test("right gradients pass, and nothing is left behind", async () => {
  using a = random([3, 4], 1);
  using b = random([4, 5], 2);
  const before = gpu.memory.live;
  const { compared, worst } = await checkGradient((a, b) => gelu(matmul(a, b)), [a, b]);
  assertEquals(compared, 12 + 16);
  assert(worst < 0.5, `${worst}`);
  assertEquals([a.grad, b.grad, gpu.memory.live], [undefined, undefined, before]);
});

Deno.test("all ways of the loss pass, without f64", async () => {
  using e = random([6, 5], 1);
  using c = random([9, 5], 2);
  using bias = random([9], 3);
  const targets = Int32Array.of(1, 8, -100, 0, 4, 4);
  for (const impl of ["naive", "chunked", "cut"] as const) {
    for (const filterEps of impl === "cut" ? [null, "auto" as const] : [null]) {
      const found = await checkGradient(
        (e, c, bias) => linearCrossEntropy(e, c, targets, { impl, bias, filterEps, softcap: 5 }),
        [e, c, bias],
        { absolute: 2e-4, relative: 2e-3 },
      );
      assertEquals(found.compared, 16 + 16 + 9);
    }
  }
});

/** x² with a derivative that is wrong by `factor`. */
function wrongSquare(x: Tensor, factor: number): Tensor {
  const using = gpu.noGrad();
  const y = mul(x, x);
  using[Symbol.dispose]();
  record({
    name: "wrong",
    inputs: [x],
    outputs: [y],
    saved: [x],
    backward: ([dy]) => {
      const twice = scale(mul(x, dy!), 2 * factor);
      return [twice];
    },
  });
  return y;
}

Deno.test("wrong gradients are named with both values", async () => {
  using x = random([2, 3], 5);
  await checkGradient((x) => wrongSquare(x, 1), [x]);
  const error = await assertRejects(
    () => checkGradient((x) => wrongSquare(x, 1.05), [x]),
    GradientError,
    `The gradient of input 0 ("x5" [2, 3]), element 0, is `,
  );
  assertMatch(error.message, /differences of the values give -?[\d.]+ ± [\d.]+\.$/);
});

Deno.test("a gradient that is missing counts as zero", async () => {
  using x = random([3], 6);
  using y = random([3], 7);
  const forgets = (x: Tensor, y: Tensor) => {
    using detached = x.alias();
    return sum(mul(detached, y));
  };
  await assertRejects(() => checkGradient(forgets, [x, y]), GradientError, "element 0, is 0;");
});

Deno.test("inputs without a gradient, and computed ones, are refused", async () => {
  using x = random([3], 1, false);
  await assertRejects(() => checkGradient((x) => sum(x), [x]), TypeError, "requires a gradient");
  using y = random([3], 2);
  using z = scale(y, 2);
  await assertRejects(() => checkGradient((x) => sum(x), [z]), TypeError, "needs leaves");
});
