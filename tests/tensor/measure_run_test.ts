import { assert, assertEquals } from "@std/assert";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { measureRun } from "../../lib/tensor/measure_run.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

Deno.test("what a run leaves for the next one counts as its memory, also where a GPU is warmed up", async () => {
  for (const software of [true, false]) {
    using gpu = await Gpu.open();
    Object.defineProperty(gpu.adapter, "software", { value: software });
    gpu.full([1100], 1).dispose(); // larger than what is asked for below, and free
    let left: Tensor | undefined, runs = 0;
    const { peakBytes, ms } = await measureRun(gpu, () => {
      left?.dispose();
      left = gpu.full([1024], 1);
      runs++;
    }, 2);
    assertEquals(peakBytes, 4096);
    assert(ms > 0);
    assert(software ? runs === 3 : runs > 3, `${runs} runs`);
    left!.dispose();
  }
});
