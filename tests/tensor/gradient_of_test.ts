import { assert, assertEquals } from "@std/assert";
import { Parameters } from "../../lib/nn/mod.ts";
import { add, embedding, linear, mul, rmsNorm, sum } from "../../lib/ops/mod.ts";
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

Deno.test("a weight's first gradient takes no addition and no memory of its own", async () => {
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
  const kernels = async () => (await gpu.time(step, { perKernel: true })).passes;
  const run = (passes: { name: string }[]) =>
    passes.filter(({ name }) => name.startsWith("accumulate")).length;
  assertEquals(run(await kernels()), 0, "cleared");
  assertEquals(run(await kernels()), 1, "not cleared");
  parameters.zeroGrad();
  const { peak } = gpu.memory.measure(step);
  assert(peak < 256 * 256 * 4, `${peak} bytes beside the gradient`);
  await gpu.sync();
});
