import { assert, assertEquals } from "@std/assert";
import { Parameters } from "../../lib/nn/mod.ts";
import { add, embedding, linear, mul, rmsNorm, sum } from "../../lib/ops/mod.ts";
import { checkGradient } from "../../lib/tensor/check_gradient.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

const gpu = await Gpu.open();

/** A loss that uses its table twice and everything else once. */
function lossOf(ids: Tensor, table: Tensor, weight: Tensor, bias: Tensor, norm: Tensor): Tensor {
  using x = embedding(ids, table);
  using y = linear(x, weight, bias, { activation: "tanh" });
  using z = rmsNorm(y, norm);
  using again = embedding(ids, table);
  using both = add(z, again);
  using scaled = mul(both, bias);
  return sum(scaled);
}

const SHAPES = [[7, 4], [4, 4], [4], [4]] as const;

Deno.test("gradients written where they belong are those that are added there, on every step", async () => {
  using parameters = new Parameters(gpu);
  const declared = SHAPES.map((shape, i) => parameters.declare(`p${i}`, shape, { normal: 1 }));
  parameters.allocate({ seed: 3 });
  using ids = gpu.tensor(Int32Array.from([1, 5, 1, 2, 6, 0]), [6]);
  const loss = () => {
    const [table, weight, bias, norm] = declared.map(({ tensor }) => tensor);
    return lossOf(ids, table, weight, bias, norm);
  };
  const gradients = async () =>
    [...(await parameters.read("gradients")).values()].map(({ data }) => [...data]);

  using first = loss();
  first.backward();
  const separate = await gradients();
  assert(separate.flat().some((x) => x !== 0));

  parameters.joinGradients();
  for (let step = 0; step < 2; step++) {
    parameters.zeroGrad();
    using value = loss();
    value.backward();
    assertEquals(await gradients(), separate, `step ${step}`);
    // Without being cleared they add up.
    using again = loss();
    again.backward();
    const twice = (await gradients()).flat(), once = separate.flat();
    twice.forEach((x, i) => assert(Math.abs(x - 2 * once[i]) <= 1e-5 * (1 + Math.abs(x)), `${i}`));
  }
});

Deno.test("what a result's gradients add up to is right, whoever adds and in whichever order", async () => {
  using x = gpu.tensor([1, -2, 3, 0.5], [2, 2], { requiresGrad: true });
  using w = gpu.tensor([2, 1, -1, 3], [2, 2]);
  using ones = gpu.tensor([1, 1], [2]);
  // The hidden h goes through a product, a norm and an addition of itself to itself.
  const lossOf = (x: Tensor, order: readonly number[]) => {
    using h = mul(x, x);
    const uses = [
      () => linear(h, w),
      () => rmsNorm(h, ones),
      () => add(h, h),
      () => linear(h, w, undefined, { residual: h }),
    ];
    let all = mul(h, ones);
    for (const i of order) {
      using use = uses[i](), before = all;
      all = add(before, use);
    }
    using result = all;
    return sum(result);
  };
  for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]]) {
    await checkGradient((x) => lossOf(x, order), [x]);
  }
});

Deno.test("gradients of weights take no additions and no memory of their own", async () => {
  using parameters = new Parameters(gpu);
  const weight = parameters.declare("weight", [256, 256], { normal: 1 });
  parameters.allocate();
  parameters.joinGradients();
  using x = gpu.full([2, 256], 1);
  const step = () => {
    using y = linear(x, weight.tensor);
    using loss = sum(y);
    loss.backward();
  };
  for (const expected of [2, 4]) {
    const { passes } = await gpu.time(step, { perKernel: true });
    assert(passes.every(({ name }) => !name.startsWith("accumulate")));
    assertEquals([...new Set(await weight.tensor.grad!.read())], [expected]);
  }
  for (const clear of [true, false]) {
    if (clear) parameters.zeroGrad();
    const { peak } = gpu.memory.measure(step);
    assert(peak < 256 * 256 * 4, `${peak} bytes beside the gradient`);
  }
  await gpu.sync();
});
