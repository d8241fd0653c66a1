/** What waits for the device leaves alone what others do meanwhile: a page may train and look at once. */
import { assert, assertEquals } from "@std/assert";
import { SOFTWARE_TILE } from "../../lib/gpu/tiles.ts";
import { measureLoss } from "../../lib/losses/measure_loss.ts";
import { DiffTransformer } from "../../lib/nn/diff_transformer.ts";
import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { traceAttention, traceGpt2 } from "../../lib/nn/mod.ts";
import { mul, scale } from "../../lib/ops/mod.ts";
import { checkGradient } from "../../lib/tensor/check_gradient.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { product } from "../../lib/tensor/product.ts";
import { tuneProducts } from "../../lib/tensor/tune_products.ts";
import { evaluate } from "../../lib/train/evaluate.ts";
import { generate } from "../../lib/train/generate.ts";

const gpu = await Gpu.open();
const SIZES = { vocabulary: 13, width: 16, layers: 1, heads: 2 };
const IDS = [[3, 1, 4, 1, 5, 9, 2, 6]];

/** Until a task is done, computes gradients besides it; fails if one is lost, or a tensor freed. */
async function besides(task: () => Promise<unknown>): Promise<void> {
  let done = false;
  const waiting = task().finally(() => done = true);
  try {
    do {
      using x = gpu.tensor([2], [1], { requiresGrad: true });
      using y = scale(x, 3);
      await new Promise((resolve) => setTimeout(resolve, 0));
      assert(!y.disposed, "a tensor that another made was freed");
      y.backward();
      assertEquals(await x.grad?.item(), 3);
    } while (!done);
  } finally {
    await waiting;
  }
}

Deno.test("looking at attention takes no gradients from others", async () => {
  using ours = new DiffTransformer(gpu, { ...SIZES, heads: 4, inner: 16 });
  using gpt2 = new Gpt2(gpu, { ...SIZES, positions: 8 });
  await besides(() => traceAttention(ours, { ids: IDS }));
  await besides(() => ours.lambdas());
  await besides(() => traceGpt2(gpt2, { ids: IDS }));
});

Deno.test("evaluating and generating take no gradients from others", async () => {
  using model = new Gpt2(gpu, { ...SIZES, positions: 8 });
  await besides(() => evaluate(model, [{ ids: IDS }]));
  await besides(() => generate(model, [[1, 2]], { maxNewTokens: 3 }));
});

Deno.test("checking gradients takes neither gradients nor tensors from others", async () => {
  using a = gpu.tensor([0.5, -1, 2], [3], { requiresGrad: true });
  using b = gpu.tensor([1, 3, -0.5], [3], { requiresGrad: true });
  await besides(() => checkGradient((a, b) => mul(a, b), [a, b]));
});

Deno.test("measuring a loss, and which tiles are fastest, takes nothing from others", async () => {
  using e = gpu.full([4, 8], 0.1);
  using c = gpu.full([9, 8], 0.2);
  await besides(() => measureLoss(e, c, Int32Array.of(1, 2, 3, 4), {}, { gradients: false }));
  using y = gpu.zeros([4, 9]);
  const run = () => product(gpu, { a: e, b: c, y, m: 4, n: 9, k: 8, transposeB: true });
  const candidates = () => [SOFTWARE_TILE, { ...SOFTWARE_TILE, m: 8 }];
  await besides(() => tuneProducts(gpu, run, { candidates }));
});
