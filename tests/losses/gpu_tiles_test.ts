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
