import { Linear } from "../../lib/nn/layers.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { OutOfMemoryError } from "../../lib/gpu/errors.ts";
import { crossEntropy } from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { ShapeError } from "../../lib/tensor/shape.ts";
import { AdamW } from "../../lib/train/adamw.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";

const gpu = await Gpu.open();

/** Two layers of odd sizes, trained for three steps; their weights after that. */
async function trained(largestBuffer?: number) {
  using parameters = new Parameters(gpu);
  const first = new Linear(parameters, ["a", "b"], 7, 10, { deviation: 0.5 });
  const second = new Linear(parameters, "c", 10, 3, { deviation: 0.5, layout: "in,out" });
  parameters.allocate({ seed: 1, ...(largestBuffer ? { largestBuffer } : {}) });
  const segments = parameters.segments.length;
  using optimizer = new AdamW(parameters, { learningRate: 0.1, maxGradNorm: 0.1 });
  using x = gpu.tensor(Float32Array.from({ length: 35 }, (_, i) => Math.sin(i)), [5, 7]);
  using targets = gpu.tensor(Int32Array.of(0, 1, 2, 1, 0));
  for (let step = 0; step < 3; step++) {
    using inner = first.forward(x, { activation: "tanh" });
    using logits = second.forward(inner);
    using loss = crossEntropy(logits, targets);
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
  }
  return { segments, weights: await parameters.read() };
}

Deno.test("weights in several buffers are trained like those in one", async () => {
  const before = gpu.memory.live;
  const one = await trained(), several = await trained(512);
  assertEquals(one.segments, 1);
  assert(several.segments > 1);
  assertEquals([...several.weights.keys()], [...one.weights.keys()]);
  for (const [name, { shape, data }] of one.weights) {
    assertEquals(several.weights.get(name)!.shape, shape, name);
    // The norm is summed in other parts: the last digits may differ.
    several.weights.get(name)!.data.forEach((value, i) =>
      assert(Math.abs(value - data[i]) < 1e-5, `${name}[${i}] is ${value}, not ${data[i]}`)
    );
  }
  assertEquals(gpu.memory.live, before, "memory is still in use");
});

Deno.test("layers computed as one have their parts under their own names", async () => {
  using parameters = new Parameters(gpu);
  const layer = new Linear(parameters, ["q", "k", "v"], 4, 6, { deviation: 1 });
  parameters.allocate({ seed: 2 });
  const all = await layer.weight.tensor.read(), read = await parameters.read();
  assertEquals(
    [...read].map(([name, { shape }]) => `${name} ${shape}`),
    ["q.weight 2,4", "k.weight 2,4", "v.weight 2,4", "q.bias 2", "k.bias 2", "v.bias 2"],
  );
  assertEquals([...read.get("k.weight")!.data], [...all.subarray(8, 16)]);
});

Deno.test("what does not fit into memory leaves nothing behind", async () => {
  using small = await Gpu.open({ memoryLimit: 1 << 20 });
  using tooMany = new Parameters(small);
  for (const name of ["a", "b", "c"]) tooMany.declare(name, [100, 1024], { normal: 1 });
  assertThrows(() => tooMany.allocate({ largestBuffer: 1 << 19 }), OutOfMemoryError, '"weights"');
  assertEquals(small.memory.live, 0, "weights of a model that does not fit are in memory");

  // Weights, gradients and the first moment fit, the second does not.
  using parameters = new Parameters(small);
  parameters.declare("a", [75, 1024], { normal: 1 });
  parameters.allocate();
  assertThrows(() => new AdamW(parameters), OutOfMemoryError, '"optimiser"');
  assertEquals(small.memory.live, 2 * parameters.bytes, "a moment is in memory");
});

Deno.test("misuse of parameters and optimiser is named", () => {
  using parameters = new Parameters(gpu);
  const layer = new Linear(parameters, "a", 3, 2, { deviation: 1 });
  assertThrows(() => layer.weight.tensor, Error, '"a.weight" has no elements yet');
  const again = () => new Linear(parameters, ["b", "a"], 3, 4, { deviation: 1 });
  assertThrows(again, Error, 'Two weights are named "a.weight"');
  const uneven = () => new Linear(parameters, ["q", "k"], 3, 5, { deviation: 1 });
  assertThrows(
    uneven,
    ShapeError,
    "[5, 3]; expected a first dimension that is a multiple of its 2",
  );
  for (const seed of [NaN, -1, 0.5]) {
    assertThrows(() => parameters.allocate({ seed }), RangeError, `seed is ${seed}`);
  }
  assertThrows(
    () => [...parameters.named()],
    Error,
    "allocate() was not called, or they were freed",
  );
  parameters.allocate();
  assertThrows(() => parameters.declare("late", [2], { constant: 0 }), Error, "after allocate()");
  assertThrows(() => parameters.allocate(), Error, "allocate() was called a second time");
  assertThrows(() => new AdamW(parameters, { betas: [0.9, 1] }), RangeError, "a beta is 1");
  using optimizer = new AdamW(parameters);
  layer.weight.tensor.zeroGrad();
  assertThrows(() => optimizer.step(), Error, 'The gradient of "a.weight" is not where');
});
