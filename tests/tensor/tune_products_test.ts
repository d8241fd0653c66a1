import { assert, assertEquals } from "@std/assert";
import type { TileShape } from "../../kernels/tile.ts";
import { chooseTile } from "../../lib/gpu/product_tiles.ts";
import { SOFTWARE_TILE } from "../../lib/gpu/tiles.ts";
import { linear, sum } from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { tuneProducts } from "../../lib/tensor/tune_products.ts";

/** A tile as GPUs use it, of a size that a software adapter compiles in a moment. */
const STAGED: TileShape = { m: 16, n: 32, k: 8, threadsX: 4, threadsY: 4, lanesX: 4 };

Deno.test("the products of both passes are measured once, and results keep their bits", async () => {
  using gpu = await Gpu.open();
  using x = gpu.full([64, 96], 0.5, { requiresGrad: true });
  using w = gpu.full([64, 96], 0.25, { requiresGrad: true });
  const step = () => {
    using y = linear(x, w);
    using loss = sum(y);
    loss.backward();
  };
  const gradients = async () => {
    x.zeroGrad();
    w.zeroGrad();
    step();
    return await gpu.read([x.grad!, w.grad!]);
  };
  const before = await gradients();
  const candidates = () => [SOFTWARE_TILE, STAGED];
  const found = await tuneProducts(gpu, step, { candidates, budget: 5000 });
  assertEquals(new Set(found.map(({ subject }) => subject)), new Set(["A·Bᵀ", "A·B", "Aᵀ·B"]));
  for (const { subject, shapes, ms } of found) {
    assert(Object.keys(ms).length >= 1, `${subject}, ${shapes} was not measured`);
    assert(gpu.tuning.get(subject, shapes) !== undefined, subject);
  }
  const { shapes } = chooseTile(gpu, { m: 64, n: 64, k: 96 }, "A·Bᵀ");
  assert(found.some((result) => result.shapes === shapes));
  assertEquals(await gradients(), before);
  assertEquals((await tuneProducts(gpu, step, { candidates })).length, found.length);
});

Deno.test("where there is nothing to choose, nothing runs", async () => {
  using gpu = await Gpu.open({ autotune: false });
  let ran = false;
  assertEquals(await tuneProducts(gpu, () => void (ran = true)), []);
  assert(!ran);
});
