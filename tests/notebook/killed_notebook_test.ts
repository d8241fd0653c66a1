/** Guards the claim of notebook 04: killed at any step and run again, it ends with the same numbers. */
import { assert, assertEquals } from "@std/assert";
import { DenoKernel, KernelDiedError } from "../../lib/report/kernel/kernel.ts";
import { OutputCollector } from "../../lib/report/kernel/outputs.ts";
import { joinText } from "../../lib/report/nbformat.ts";
import { readNotebook } from "../../lib/report/notebook_file.ts";
import { injectParameters } from "../../lib/report/parameters.ts";

const FOLDER = new URL("../../notebooks/", import.meta.url).pathname;
const NOTEBOOK = `${FOLDER}04-finetuning-gpt2.ipynb`;

/** Cells of the notebook that its training does not need. */
const ASIDE = ["unique-order-table", "bad-rows-table", "end-of-text", "loss-memory-table"]
  .concat(["loss-memory-medium-table", "full-size-models"]);

const PARAMETERS = { scale: "smoke", sentences: 300, validation: 12, test: 4, earlyStep: 6 };
const SIZES = { batch: 6, width: 16, heads: 2, layers: 1, steps: 12, warmup: 2, evaluateEvery: 3 };

/** Pictures would take longer than the training. */
const NO_FIGURES = "const figure = async () => {};";

/** Ends the kernel while step 5 is being made, whose losses nobody has seen yet. */
const KILL_IN_STEP_5 = `
const nextBatch = batches.next.bind(batches);
let asked = 0;
batches.next = () => {
  if (++asked === 5) Deno.kill(Deno.pid, "SIGKILL");
  return nextBatch();
};`;

/** Ends it when the best model of step 6 has been written, but not what step 7 would begin with. */
const KILL_AFTER_BEST_6 = `
const rename = Deno.rename;
Deno.rename = async (from, to) => {
  await rename(from, to);
  if (String(to).endsWith("best-00000006")) Deno.kill(Deno.pid, "SIGKILL");
};`;

const RESULT = `
const digests = [];
for (const { tokens } of [model, early]) {
  const weights = new Uint8Array((await tokens.weight.tensor.read()).buffer);
  digests.push(new Uint8Array(await crypto.subtle.digest("SHA-256", weights)).toHex());
}
const { evaluations } = trained;
console.log(JSON.stringify({ history, evaluations, best, digests }));
console.log(run.earlier.length);`;

/** Runs the notebook up to its training; what it came to, or undefined if it was killed. */
async function runNotebook(cache: string, kill = ""): Promise<string[] | undefined> {
  const notebook = await readNotebook(NOTEBOOK);
  injectParameters(notebook, { ...PARAMETERS, ...SIZES }, NOTEBOOK);
  const cells = notebook.cells.filter(({ cell_type, id }) =>
    cell_type === "code" && !ASIDE.includes(id!)
  );
  const end = cells.findIndex(({ id }) => id === "training");
  const sources = cells.slice(0, end).flatMap(({ source, id }) =>
    id === "setup" ? [joinText(source), NO_FIGURES] : [joinText(source)]
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout));
  const env = { XDG_CACHE_HOME: cache, DENO_DIR: denoDir, CUTLOSS_SCALE: "", CUTLOSS_SEED: "" };
  await using kernel = await DenoKernel.start({
    cwd: FOLDER,
    env: { ...env, CUTLOSS_DATA: "", CUTLOSS_MODEL: "", CUTLOSS_AUTOTUNE: "0" },
  });
  const collector = new OutputCollector();
  try {
    for (const source of [...sources, kill, joinText(cells[end].source), RESULT]) {
      collector.begin();
      const { error } = await kernel.execute(source, {
        onMessage: (message) => collector.add(message),
      });
      assert(!error, error?.traceback.join("\n"));
    }
  } catch (error) {
    if (!(error instanceof KernelDiedError) || !kill) throw error;
    assertEquals(error.signal, "SIGKILL");
    return undefined;
  }
  return collector.end().map(({ text }) => joinText(text)).join("").trim().split("\n");
}

Deno.test("notebook 04, killed in a step and again between two files, ends with the same numbers", async () => {
  const [cache, other] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  try {
    const [whole] = (await runNotebook(other))!;
    assertEquals(JSON.parse(whole).history.length, SIZES.steps);
    assertEquals(await runNotebook(cache, KILL_IN_STEP_5), undefined);
    assertEquals(await runNotebook(cache, KILL_AFTER_BEST_6), undefined);
    const [resumed, earlier] = (await runNotebook(cache))!;
    assertEquals(earlier, "3", "steps that were not made again");
    assertEquals(resumed, whole);
    // Killed after its last step: nothing is left to do, and the numbers are the same.
    assertEquals(await runNotebook(cache), [whole, String(SIZES.steps)]);
  } finally {
    for (const folder of [cache, other]) await Deno.remove(folder, { recursive: true });
  }
});
