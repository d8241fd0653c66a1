import { assertEquals } from "@std/assert";
import { joinText } from "../../lib/report/nbformat.ts";
import { runCells } from "./run_cells.ts";

const LIB = JSON.stringify(import.meta.resolve("../../lib/mod.ts"));
const NOTEBOOK = JSON.stringify(import.meta.resolve("../../lib/notebook/mod.ts"));

const SETUP = `
import { Gpt2, Gpu, train } from ${LIB};
import { log, progress } from ${NOTEBOOK};
const gpu = await Gpu.open({ autotune: false });
const model = new Gpt2(gpu, {
  vocabulary: 16, positions: 8, width: 16, layers: 1, heads: 2,
  embeddingDropout: 0, attentionDropout: 0, residualDropout: 0,
});
const data = { position: 0, next() { this.position++; return { ids: [[1, 2, 3, 4, 5, 6, 7, 8]] }; } };
let seen = 0;
const run = async (steps: number) => {
  const bar = progress(steps, { label: "Training" });
  return await train({ model, data, steps, optimizer: { learningRate: 1e-2 },
    onProgress: async ({ step, loss }) => { seen = step; await bar.update(step, { loss }); } });
};`;

Deno.test("Interrupting stops training on the device, and model and device can be used further", async () => {
  const [setup, stopped, after] = await runCells([
    SETUP,
    // At the next look at the losses, about once a second; ten million steps would take hours.
    { code: "await run(10_000_000)", interruptAt: /Training: [\d,]{3,} of/ },
    `const steps = seen, { records } = await run(3);
    await log(steps >= 100, records.length);
    await log(records.every(({ loss }) => loss < Math.log(16) / 2), "knows what it had learnt");`,
  ]);
  assertEquals(setup, { outputs: [], status: "ok" });
  assertEquals([stopped.status, stopped.outputs.at(-1)!.ename], ["error", "InterruptedError"]);
  const text = after.outputs.map((output) => joinText(output.text ?? output.evalue)).join("");
  assertEquals(text, "true\n3\ntrue\nknows what it had learnt\n");
});
