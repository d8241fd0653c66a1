import { Gpu } from "../../lib/tensor/gpu.ts";
import { ShapeError } from "../../lib/tensor/shape.ts";
import { diffLambda } from "../../lib/ops/mod.ts";
import { assert, assertThrows } from "@std/assert";
import { assertClose, checkOp } from "./check_op.ts";

const gpu = await Gpu.open();

const dot = (x: Float64Array, first: number, second: number, d: number) => {
  let sum = 0;
  for (let i = 0; i < d; i++) sum += x[first * d + i] * x[second * d + i];
  return sum;
};

for (const [d, shape] of [[16, [4, 16]], [70, [280]], [1, [4]]] as const) {
  Deno.test(`λ follows its formula, with gradients, for vectors of ${d}`, async () => {
    await checkOp(gpu, `d = ${d}`, {
      shapes: [shape],
      size: 0.5,
      op: ([vectors]) => diffLambda(vectors, 0.35),
      formula: ([x]) => [Math.exp(dot(x, 0, 1, d)) - Math.exp(dot(x, 2, 3, d)) + 0.35],
      probes: 4 * d,
    });
  });
}

Deno.test("vectors of zeros have no gradient, so that λ would never be learned", async () => {
  using zeros = gpu.tensor(new Float32Array(32), [4, 8], { requiresGrad: true });
  using lambda = diffLambda(zeros, 0.2).keep();
  lambda.backward();
  assertClose(await lambda.read(), [0.2], "λ", 1e-7);
  assert((await zeros.grad!.read()).every((slope) => slope === 0));
});

Deno.test("vectors of a wrong shape are named", () => {
  using odd = gpu.zeros([6]);
  using three = gpu.zeros([8, 4]);
  assertThrows(() => diffLambda(odd, 0), ShapeError, "vectors has the shape [6]");
  assertThrows(() => diffLambda(three, 0), ShapeError, "expected [4, d]");
});
