/** Experiments that a reader can rerun: how they end, and what a page is told. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { attentionReference } from "../../lib/report/rerun/attention_reference.ts";
import { difference } from "../../lib/report/rerun/difference.ts";
import type { Experiment, Plan } from "../../lib/report/rerun/experiment.ts";
import { experiment as attention } from "../../lib/report/rerun/differential_attention.ts";
import { experiment as loss, run } from "../../lib/report/rerun/linear_cross_entropy.ts";
import { lossReference } from "../../lib/report/rerun/loss_reference.ts";
import { runExperiment } from "../../lib/report/rerun/run_experiment.ts";
import { bundleForBrowser } from "../../lib/report/bundle.ts";
import { exportNotebook } from "../../lib/report/page.ts";
import { rerunPlans } from "../../lib/report/rerun_plan.ts";
import { markdownCell, notebookFile } from "./sample_notebook.ts";

function asking(...names: string[]) {
  const cells = names.map((name) => ({
    ...markdownCell("## Here"),
    metadata: { tags: [`rerun:${name}`] },
  }));
  return notebookFile([markdownCell("# T"), ...cells]);
}

const [planned] = [...(await rerunPlans(asking("linear_cross_entropy"), "06-x")).values()];
/** Small enough for a processor, and ended by no clock, however slow the machine. */
const small: Plan = {
  ...planned,
  ...{ settings: { v: 600, d: 16, seed: 0 }, steps: [16, 32, 64] },
  ...{ longestRun: 1e9, budget: 1e6 },
};

Deno.test("a plan has the experiment's series, and the stored measurements at its sizes", async () => {
  assertEquals(planned.series.map(({ name }) => name), [...loss.series]);
  const { source, points } = planned.stored!;
  assertStringIncludes(source, "NVIDIA");
  for (const { name } of planned.series) assert(points.some(({ series }) => series === name), name);
  assertEquals(new Set(points.map(({ series, x }) => `${series} ${x}`)).size, points.length);
  const plans = await rerunPlans(asking("differential_attention"), "05-x");
  const names = plans.get("differential_attention")!.series.map(({ name }) => name);
  assertEquals(names, [...attention.series]);
});

Deno.test("a tag that names no experiment is refused with those that there are", async () => {
  await assertRejects(
    () => rerunPlans(asking("quicksort"), "06-x"),
    Error,
    "rerun:quicksort; there are the experiments linear_cross_entropy, differential_attention",
  );
});

Deno.test("the box stands after the cell that asks for it, hidden controls and all", async () => {
  const notebook = asking("linear_cross_entropy");
  const { html } = exportNotebook(notebook, { name: "x", plans: await rerunPlans(notebook, "x") });
  assert(html.indexOf('id="here"') < html.indexOf('class="rerun"'));
  assertStringIncludes(html, '<div class="rerun-controls" hidden>');
  assertStringIncludes(html, '<script src="assets/rerun.js"></script>');
  const without = exportNotebook(notebookFile([markdownCell("# T")]), { name: "y" }).html;
  assert(!without.includes("rerun"));
});

Deno.test("experiments become scripts that need nothing of Deno or Node", async () => {
  for (const name of ["linear_cross_entropy", "differential_attention"]) {
    const entry = new URL(`../../lib/report/rerun/${name}.ts`, import.meta.url);
    const script = await bundleForBrowser(entry, { globalName: "cutlossExperiment" });
    assert(!/(?<!")\bDeno\.|["']node:|\bimport\s*[("]/.test(script), name);
  }
});

Deno.test("references: ln V for no knowledge, and a mean where all scores are equal", () => {
  const { loss, dc } = lossReference([0, 0], [1, 2, 3, 4, 5, 6], [2], 2);
  assert(Math.abs(loss - Math.log(3)) < 1e-15);
  assertEquals([...dc], [0, 0, 0, 0, 0, 0]);
  const shape = { time: 3, heads: 1, d: 1, dv: 1 };
  const maps = [{ q: [0, 0, 0], k: [1, 2, 3], factor: 1 }];
  assertEquals([...attentionReference(maps, [3, 5, 10], [0, 0, 0], shape).y], [3, 4, 6]);
});

Deno.test("differences are relative to the largest value, and NaN is one", () => {
  assertEquals(difference([1, 4.5], [1, 4]), 0.125);
  assertEquals(difference([NaN, 4], [1, 4]), NaN);
});

Deno.test("a series ends where its next size would take too long, and all where time is up", async () => {
  const slow = await run({ ...small, longestRun: 0 });
  assertEquals(slow.points.map(({ x }) => x), [16, 16, 16, 16]);
  assertEquals(
    slow.ended.map(({ series, x }) => [series, x]),
    loss.series.map((name) => [name, 32]),
  );
  assertStringIncludes(slow.ended[0].reason, "would take more than");
  assertEquals(slow.outcome, "finished");
  const late = await run({ ...small, budget: 0 });
  assertStringIncludes(late.ended[0].reason, "was used up");
});

Deno.test("what does not fit into the memory that is allowed ends its series", async () => {
  // Room for inputs and gradients, and for the logits of a few tokens.
  const plan = { ...small, settings: { v: 20_000, d: 4, seed: 0 }, steps: [16, 256] };
  const { points, ended, outcome } = await run(plan, { memoryLimit: 6e6 });
  assertEquals(outcome, "finished");
  const naive = ended.find(({ series }) => series === "naive")!;
  assertEquals(naive.x, 256);
  assertStringIncludes(naive.reason, "more memory than 5.7 MiB");
  assert(points.some(({ series, x }) => series === "cut, filtered" && x === 256));
});

Deno.test("an experiment can be stopped, and says so", async () => {
  const controller = new AbortController();
  const { outcome, points, failure } = await run(small, {
    signal: controller.signal,
    onReport: ({ points }) => points.length === 2 && controller.abort(),
  });
  assertEquals([outcome, points.length, failure], ["stopped", 2, undefined]);
});

Deno.test("a wrong result is reported before anything is measured", async () => {
  const wrong: Experiment = {
    ...loss,
    check: () => Promise.resolve([{ series: "naive", what: "loss", error: NaN, tolerance: 1e-5 }]),
  };
  const { outcome, failure, points } = await runExperiment(wrong, small);
  assertEquals([outcome, failure?.kind, points.length], ["failed", "wrong", 0]);
  assertStringIncludes(failure!.message, '"naive" gives a loss that is off by NaN');
});
