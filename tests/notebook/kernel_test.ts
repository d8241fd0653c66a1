import { assert, assertEquals } from "@std/assert";
import { joinText, type NotebookOutput } from "../../lib/report/nbformat.ts";
import { runCells, type TestCell } from "./run_cells.ts";

const MOD = JSON.stringify(import.meta.resolve("../../lib/notebook/mod.ts"));

/** The outputs of cells in a kernel that has imported lib/notebook. */
async function runInNotebook(cells: readonly TestCell[]) {
  return (await runCells([`import * as notebook from ${MOD};`, ...cells])).slice(1);
}

function textOf(outputs: NotebookOutput[]): string {
  return outputs.map((output) => joinText(output.text ?? output.data?.["text/plain"])).join("");
}

Deno.test("Interrupting stops a long cell with an error and keeps the kernel's variables", async () => {
  const [, stopped, after] = await runInNotebook([
    "let rounds = 0;",
    {
      code: `while (true) {
        if (++rounds === 3) await notebook.log("three rounds");
        await notebook.breathe();
      }`,
      interruptAt: /three rounds/,
    },
    "await notebook.log(rounds >= 3, notebook.interrupted());",
  ]);
  assertEquals(stopped.status, "error");
  assertEquals(stopped.outputs.at(-1)!.ename, "InterruptedError");
  assertEquals(textOf(after.outputs), "true\nfalse\n");
});

Deno.test("Interrupting stops a cell at its progress bar, whose last state stays", async () => {
  const [stopped] = await runInNotebook([{
    // So many that no machine is done before it is interrupted.
    code: `const bar = notebook.progress(1e12, { label: "Training" });
      for (let i = 1; i <= 1e12; i++) await bar.update(i);`,
    interruptAt: /Training: [\d,]{2,} of/,
  }]);
  assertEquals(stopped.status, "error");
  const { done, finished } = stopped.outputs[0].metadata!.cutloss as Record<string, unknown>;
  assert((done as number) > 1, "the bar shows how far the cell came");
  assertEquals(finished, false);
});

Deno.test("In a notebook a progress bar and a live plot are one output each, updated in place", async () => {
  const [{ outputs, status }] = await runInNotebook([
    `const bar = notebook.progress(40), curve = notebook.livePlot({ caption: "Loss.", alt: "Falls." });
     for (let i = 1; i <= 40; i++) {
       await new Promise((resolve) => setTimeout(resolve, 20));
       await bar.update(i, { loss: 1 / i });
       await curve.add(i, { training: 1 / i });
     }
     await curve.finish();`,
  ]);
  assertEquals(status, "ok");
  assertEquals(outputs.length, 3, "bar, curve and the curve's caption");
  const [bar, curve, caption] = outputs.map((output) =>
    output.metadata!.cutloss as Record<string, unknown>
  );
  assertEquals([bar.kind, bar.done, bar.finished], ["progress", 40, true]);
  assertEquals(curve.kind, "live-plot");
  assertEquals(Object.keys(outputs[1].data!).length, 4, "a figure in the end, in all its forms");
  assertEquals(caption, { kind: "caption", of: curve.id });
  assertEquals((curve.table as { rows: unknown[] }).rows.length, 40);
});

Deno.test("show lays out Markdown, HTML, records and plain values", async () => {
  const [{ outputs }] = await runInNotebook([
    `await notebook.show({ markdown: "**bold**" });
     await notebook.show({ html: "<b>bold</b>" });
     await notebook.show([{ Way: "cut", "Time (ms)": 1.5 }], { caption: "Times." });
     await notebook.show(new Map([["a", 1]]));`,
  ]);
  assertEquals(outputs.map((output) => Object.keys(output.data!)), [
    ["text/markdown", "text/plain"],
    ["text/html", "text/plain"],
    ["text/html", "text/markdown", "text/plain"],
    ["text/plain"],
  ]);
  assert(textOf(outputs).endsWith('Map(1) { "a" => 1 }'));
});

Deno.test("Provenance names versions, commit, scale, seed and the adapter it was given", async () => {
  const [{ outputs }] = await runInNotebook([
    `await notebook.provenance({ scale: "smoke", seed: 4, gpu: {
       adapter: { description: "Test GPU", vendor: "65541", architecture: "", device: "", software: true },
       features: new Set(["shader-f16"]), limits: { maxBufferSize: 2 ** 31 } } });`,
  ]);
  const { provenance, table } = outputs[0].metadata!.cutloss as {
    provenance: Record<string, unknown>;
    table: { rows: string[][] };
  };
  assertEquals([provenance.scale, provenance.seed, provenance.adapter], ["smoke", 4, "Test GPU"]);
  assertEquals((provenance.versions as { deno: string }).deno, Deno.version.deno);
  const shown = Object.fromEntries(table.rows);
  assertEquals(shown.Adapter, "Test GPU (software)");
  assertEquals(shown.Driver, "Mesa");
  assertEquals(shown["Max buffer size"], "2 GiB");
});
