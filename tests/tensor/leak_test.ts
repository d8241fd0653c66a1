import { assert, assertEquals } from "@std/assert";
import { accumulate } from "../../kernels/accumulate.ts";
import { elementGrid } from "../../kernels/grid.ts";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "../../lib/losses/options.ts";
import { gelu, linear } from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { normals } from "../losses/reference.ts";

const ways: LinearCrossEntropyOptions[] = [
  { impl: "cut" },
  { impl: "cut", filterEps: 2 ** -12 },
  { impl: "chunked" },
  { impl: "naive" },
];

/** x ← x − rate · dx, in place. */
function descend(x: Tensor, rate: number): void {
  const { gpu, size } = x;
  gpu.run(
    accumulate(),
    { x: x.grad!, y: x },
    { count: size, factor: -rate },
    elementGrid(size, 256),
  );
  x.zeroGrad();
}

Deno.test("a thousand training steps end with the bytes they started with", async () => {
  using gpu = await Gpu.open();
  const n = 24, d = 8, v = 40, normal = normals(1);
  const make = (shape: number[], size: number, requiresGrad = true) =>
    gpu.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => size * normal()),
      shape,
      { requiresGrad },
    );
  using x = make([n, d], 1, false);
  using weight = make([d, d], 0.3);
  using e = make([n, d], 0.1);
  using c = make([v, d], 0.3);
  using bias = gpu.zeros([v], { requiresGrad: true });
  const targets = Int32Array.from({ length: n }, (_, i) => i % 5 === 4 ? -100 : i % 7);

  const step = (i: number): Tensor => {
    // The embeddings themselves, or a layer before them; a batch now and then is all ignored.
    const embeddings = i % 3 === 0
      ? gelu(linear(x, weight, undefined, { weightLayout: "out,in" }))
      : e;
    const ids = i % 100 === 99 ? new Int32Array(n).fill(-100) : targets;
    const loss = linearCrossEntropy(embeddings, c, ids, { ...ways[i % ways.length], bias });
    loss.backward();
    for (const parameter of i % 3 === 0 ? [weight, c, bias] : [e, c, bias]) descend(parameter, 0.5);
    return loss;
  };
  const losses: number[] = [];
  let live = 0, reserved = 0;
  for (let i = 0; i < 1000; i++) {
    using loss = step(i);
    if (i % 50 === 0) losses.push(await loss.item());
    loss.dispose();
    if (i === 11) { // every way once, with and without the layer
      await gpu.sync();
      ({ live, reserved } = gpu.memory);
    }
  }
  await gpu.sync();
  assertEquals(gpu.memory.live, live, `live: ${JSON.stringify(gpu.memory.byLabel())}`);
  assertEquals(gpu.memory.reserved, reserved, "reserved");
  const parameters = [x, weight, e, c, bias].reduce((sum, { memory }) => sum + memory.bytes, 0);
  assertEquals(gpu.memory.live, parameters, "nothing is in use but the parameters");
  assert(losses.at(-1)! < losses[0] / 3, `the steps train: ${losses}`);
});

Deno.test("steps that are not differentiated, or whose loss is only looked at, leave nothing", async () => {
  using gpu = await Gpu.open();
  using e = gpu.full([24, 8], 0.1, { requiresGrad: true });
  using c = gpu.full([40, 8], 0.1, { requiresGrad: true });
  const targets = new Int32Array(24);
  const { live } = gpu.memory;
  for (let i = 0; i < 200; i++) {
    using loss = linearCrossEntropy(e, c, targets, ways[i % ways.length]);
    using _noGrad = gpu.noGrad();
    using again = linearCrossEntropy(e, c, targets, ways[i % ways.length]);
    if (i % 50 === 0) assertEquals(await again.item(), await loss.item());
  }
  assertEquals([gpu.memory.live, e.consumers, c.consumers], [live, 0, 0]);
});
