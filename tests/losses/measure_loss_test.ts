import { assert, assertEquals } from "@std/assert";
import { trainedLike } from "../../lib/data/language_model.ts";
import { measureLoss } from "../../lib/losses/measure_loss.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

Deno.test("the peak of the naive way is its logits and gradients, and nothing is left behind", async () => {
  using gpu = await Gpu.open();
  const n = 64, v = 1024, d = 16;
  const data = trainedLike({ n, v, d });
  using e = gpu.tensor(data.e, [n, d], { requiresGrad: true });
  using c = gpu.tensor(data.c, [v, d], { requiresGrad: true });
  const before = gpu.memory.live;
  const alone = await measureLoss(e, c, data.targets, { impl: "naive" }, {
    gradients: false,
    rounds: 1,
  });
  const both = await measureLoss(e, c, data.targets, { impl: "naive" }, { rounds: 2 });
  const logits = n * v * 4, gradients = (n * d + v * d) * 4;
  // lists, losses, log-sum-exps and coefficients are a few values a row
  const rows = 4096 + 40 * n;
  assert(alone.peakBytes >= logits && alone.peakBytes <= logits + rows);
  assert(both.peakBytes >= logits + gradients && both.peakBytes <= logits + gradients + rows);
  assert(alone.ms > 0 && both.ms > 0);
  assertEquals(gpu.memory.live, before);
  assertEquals([e.grad, c.grad], [undefined, undefined]);
});

Deno.test("gradients count as memory also where a GPU is warmed up before it is timed", async () => {
  using gpu = await Gpu.open();
  const n = 64, v = 256, d = 16, data = trainedLike({ n, v, d });
  using e = gpu.tensor(data.e, [n, d], { requiresGrad: true });
  using c = gpu.tensor(data.c, [v, d], { requiresGrad: true });
  const measure = () => measureLoss(e, c, data.targets, { impl: "naive" }, { rounds: 1 });
  const { peakBytes } = await measure();
  assert(peakBytes >= (n * v + n * d + v * d) * 4);
  // Pretended; it then has the tiles of a GPU, too.
  Object.defineProperty(gpu.adapter, "software", { value: false });
  const warmed = await measure();
  assert(warmed.peakBytes >= peakBytes, `${warmed.peakBytes} for ${peakBytes} bytes`);
});
