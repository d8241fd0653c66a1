import { assert, assertEquals } from "@std/assert";
import { DenoKernel } from "../../lib/report/kernel/kernel.ts";
import { OutputCollector } from "../../lib/report/kernel/outputs.ts";
import { joinText } from "../../lib/report/nbformat.ts";

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
  await using kernel = await DenoKernel.start({ cwd: "." });
  const collector = new OutputCollector();
  const execute = async (code: string, interruptAfter?: number) => {
    collector.begin();
    const running = kernel.execute(code, { onMessage: (message) => collector.add(message) });
    const timer = interruptAfter && setTimeout(() => kernel.interrupt(), interruptAfter);
    const { status } = await running;
    clearTimeout(timer);
    const outputs = collector.end();
    const text = outputs.map((output) => joinText(output.text ?? output.evalue)).join("");
    return { status, text, outputs };
  };
  const setup = await execute(SETUP);
  assertEquals(setup.status, "ok", setup.text);

  const began = performance.now();
  const stopped = await execute("await run(10_000_000)", 2500);
  assertEquals([stopped.status, stopped.outputs.at(-1)!.ename], ["error", "InterruptedError"]);
  assert(performance.now() - began < 30_000, "at the next look at the losses, about once a second");

  const after = await execute(`
    const steps = seen, { records } = await run(3);
    await log(steps > 3, records.length);
    await log(records.every(({ loss }) => loss < Math.log(16) / 2), "knows what it had learnt");`);
  assertEquals(after.text, "true\n3\ntrue\nknows what it had learnt\n");
});
