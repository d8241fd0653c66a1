/**
 * The tiles that GPUs use, on whatever adapter there is: the software adapter has its own. `checkLoss`
 * asserts that every element is within its tolerance.
 */
import { assertNotEquals } from "@std/assert";
import { cutTile } from "../../lib/gpu/tiles.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { checkLoss } from "./check_loss.ts";
import { randomProblem } from "./reference.ts";

Deno.test("the ways agree with f64 with the tiles of GPUs", async () => {
  using gpu = await Gpu.open();
  const own = cutTile(gpu, 32), { software } = gpu.adapter;
  (gpu.adapter as { software: boolean }).software = false;
  if (software) assertNotEquals(cutTile(gpu, 32), own, "the software adapter's tile");
  // D of whole steps and vectors, and of neither; more than one tile of rows and of columns.
  const cases = [
    [{ t: 150, v: 300, d: 32 }, { filterEps: "auto", reduction: "none" }, ["cut"]],
    [{ t: 131, v: 261, d: 37, bias: true }, { filterEps: "auto", softcap: 20 }, ["cut"]],
    [{ t: 131, v: 261, d: 37, bias: true }, { softcap: 20 }, ["naive", "cut"]],
  ] as const;
  for (const [shape, options, impls] of cases) {
    const problem = randomProblem({ ...shape, ignored: true });
    const name = `tiles of GPUs, ${JSON.stringify([shape, options])}`;
    await checkLoss(gpu, name, { problem, options, impls });
  }
  // One row a thousand times as large as the others: cut_measure.ts, too.
  const problem = randomProblem({ t: 131, v: 261, d: 37 });
  for (let k = 7 * 37; k < 8 * 37; k++) problem.e[k] *= 1000;
  const options = { filterEps: "auto", reduction: "none" } as const;
  // The logits of that row are in the thousands, whose last bit is worth 5e-4.
  await checkLoss(gpu, "tiles of GPUs, a large row", {
    problem,
    options,
    impls: ["cut"],
    looser: 50,
  });
});

Deno.test("what lies in memory behind C does not get into the gradients", async () => {
  using gpu = await Gpu.open();
  (gpu.adapter as { software: boolean }).software = false;
  // C ends within 16 bytes, and V within a step of the product that makes dE.
  const [t, v, d] = [6, 97, 33];
  for (const impl of ["naive", "chunked", "cut"] as const) {
    // −1 is no number when it is read as f32. The loss's buffers are made of this memory.
    const before = [1, 2, 3].map(() => gpu.tensor(new Int32Array(v * d + 64).fill(-1)));
    for (const tensor of before) tensor.dispose();
    await checkLoss(gpu, `${impl} on used memory`, {
      problem: randomProblem({ t, v, d }),
      options: {},
      impls: [impl],
    });
  }
});

Deno.test("where a kernel may have eight buffers, filtered gradients with a bias are exact", async () => {
  using gpu = await Gpu.open();
  const limits: Record<string, number> = {};
  for (const name in gpu.limits) limits[name] = (gpu.limits as unknown as typeof limits)[name];
  Object.defineProperty(gpu, "limits", {
    value: { ...limits, maxStorageBuffersPerShaderStage: 8 },
  });
  // Far from exact where it is applied.
  const options = { filterEps: 0.01 } as const, [t, v, d] = [37, 300, 16];
  await checkLoss(gpu, "eight buffers", {
    problem: randomProblem({ t, v, d, bias: true }),
    options,
    impls: ["cut"],
  });
});
