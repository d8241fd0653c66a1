import { assert, assertEquals, assertRejects } from "@std/assert";
import { CellError, executeNotebook } from "../../lib/report/execute.ts";
import { joinText, type NotebookFile } from "../../lib/report/nbformat.ts";
import { isAlive, notebookOf } from "./notebooks.ts";

/** The text that code cell `index` printed. */
function printed(notebook: NotebookFile, index: number): string {
  return notebook.cells[index].outputs!.map((output) => joinText(output.text)).join("");
}

/** Executes a notebook that must fail and returns how. */
function failureOf(path: string, options = {}): Promise<CellError> {
  return assertRejects(() => executeNotebook(path, options), CellError);
}

/** Printed first in a cell, so that a test can look for the kernel's process later. */
const TELL_PID = `console.log("pid", Deno.pid);`;

Deno.test("Two hundred lines in a row all arrive, in order, in their own cell", async () => {
  const print = (name: string) => `for (let i = 0; i < 200; i++) console.log("${name}", i)`;
  const { notebook } = await executeNotebook(await notebookOf(print("a"), print("b")));
  const expected = (name: string) =>
    Array.from({ length: 200 }, (_, i) => `${name} ${i}\n`).join("");
  assertEquals(printed(notebook, 0), expected("a"));
  assertEquals(printed(notebook, 1), expected("b"));
  assertEquals(notebook.cells[0].outputs!.length, 1, "one stream, not one output a line");
  assertEquals(notebook.cells.map((cell) => cell.execution_count), [1, 2]);
});

Deno.test("An output of six million characters arrives whole", async () => {
  const path = await notebookOf(
    `await Deno.jupyter.broadcast("display_data", {
       data: { "text/plain": "0123456789".repeat(600_000) }, metadata: { size: 6e6 } });`,
    `console.log("after")`,
  );
  const { notebook } = await executeNotebook(path);
  const [output] = notebook.cells[0].outputs!;
  assertEquals(joinText(output.data!["text/plain"]), "0123456789".repeat(600_000));
  assertEquals(output.metadata, { size: 6e6 });
  assertEquals(printed(notebook, 1), "after\n");
});

Deno.test("A large display arrives whole, and a printed one too", async () => {
  const path = await notebookOf(
    `await Deno.jupyter.display({ "text/plain": "a".repeat(5_000_000) }, { raw: true });`,
    `console.log("b".repeat(5_000_000))`,
  );
  const { notebook } = await executeNotebook(path);
  const [display] = notebook.cells[0].outputs!;
  assertEquals(joinText(display.data!["text/plain"]), "a".repeat(5_000_000));
  assertEquals(printed(notebook, 1), "b".repeat(5_000_000) + "\n");
});

Deno.test("Updating a display changes the stored output where it stands, also from a later cell", async () => {
  const show = (type: string, text: string) =>
    `await Deno.jupyter.broadcast("${type}", { data: { "text/plain": "${text}" }, metadata: {},
       transient: { display_id: "bar" } });`;
  const path = await notebookOf(
    show("display_data", "0 %") + show("update_display_data", "50 %") + `console.log("x")`,
    show("update_display_data", "100 %"),
  );
  const { notebook } = await executeNotebook(path);
  assertEquals(notebook.cells[0].outputs!.map((output) => output.output_type), [
    "display_data",
    "stream",
  ]);
  assertEquals(joinText(notebook.cells[0].outputs![0].data!["text/plain"]), "100 %");
  assertEquals(notebook.cells[1].outputs, []);
});

Deno.test("A value at the end of a cell is stored as its result", async () => {
  const { notebook } = await executeNotebook(await notebookOf("const a = 6;", "a * 7"));
  const [output] = notebook.cells[1].outputs!;
  assertEquals(output.output_type, "execute_result");
  assertEquals(output.execution_count, 2);
  assertEquals(joinText(output.data!["text/plain"]), "42");
});

Deno.test("A failing cell stops the run with its number, its source and the error", async () => {
  const path = await notebookOf("1", `throw new TypeError("no such shape")`, `console.log("late")`);
  const out = `${path}.out.ipynb`;
  const error = await failureOf(path, { out });
  assertEquals(error.cell, 2);
  assertEquals(error.source, `throw new TypeError("no such shape")`);
  assert(error.message.includes("TypeError: no such shape"), error.message);
  const stored: NotebookFile = JSON.parse(await Deno.readTextFile(out));
  assertEquals(stored.cells[1].outputs![0].ename, "TypeError");
  assertEquals(stored.cells[2].outputs, [], "cells after the failure did not run");
});

Deno.test("A cell tagged raises-exception may throw", async () => {
  const path = await notebookOf(
    { source: `throw new Error("as expected")`, tags: ["raises-exception"] },
    "2",
  );
  const { notebook } = await executeNotebook(path);
  assertEquals(notebook.cells[0].outputs![0].evalue, "as expected");
  assertEquals(notebook.cells[1].execution_count, 2);
});

Deno.test("A rejected promise that nobody awaits fails its cell", async () => {
  const path = await notebookOf(
    `Promise.reject(new RangeError("lost")); console.log("goes on")`,
    "2",
  );
  const error = await failureOf(path);
  assertEquals(error.cell, 1);
  assert(error.problem.includes("RangeError") && error.problem.includes("lost"), error.problem);
});

Deno.test("A hanging cell is stopped after its time, and its kernel with it", async () => {
  const path = await notebookOf(TELL_PID, "while (true) {}");
  const out = `${path}.out.ipynb`;
  let error: CellError, seconds = 1;
  // A machine under load may need longer for the first cell alone: then both get more time.
  while ((error = await failureOf(path, { timeoutPerCell: seconds, out })).cell === 1) {
    assert(seconds < 100 && error.problem.includes(`longer than ${seconds} s`), error.problem);
    seconds *= 10;
  }
  assertEquals(error.cell, 2);
  assert(error.problem.includes(`longer than ${seconds} s`), error.problem);
  assertEquals(isAlive(await kernelPid(out)), false);
});

Deno.test("A kernel that dies fails the cell in which it died", async () => {
  const error = await failureOf(await notebookOf(`console.log("bye"); Deno.exit(7)`, "2"));
  assertEquals(error.cell, 1);
  assert(error.problem.includes("exit code 7"), error.problem);
});

Deno.test("Aborting ends the kernel and rejects with the reason", async () => {
  const path = await notebookOf(TELL_PID, "await new Promise((r) => setTimeout(r, 1e9))");
  const out = `${path}.out.ipynb`;
  const controller = new AbortController();
  const onProgress = ({ cell }: { cell: number }) => {
    if (cell === 2) setTimeout(() => controller.abort(new Error("enough")), 100);
  };
  await assertRejects(
    () => executeNotebook(path, { signal: controller.signal, onProgress, out }),
    Error,
    "enough",
  );
  assertEquals(isAlive(await kernelPid(out)), false);
});

Deno.test("Scale and seed reach the cells, and the notebook says so", async () => {
  const path = await notebookOf(
    `console.log(Deno.env.get("CUTLOSS_SCALE"), Deno.env.get("CUTLOSS_SEED"))`,
  );
  const { notebook } = await executeNotebook(path, { scale: "smoke", seed: 7 });
  assertEquals(printed(notebook, 0), "smoke 7\n");
  const stored = notebook.metadata.cutloss as Record<string, unknown>;
  assertEquals([stored.scale, stored.seed], ["smoke", 7]);

  // Executed again without them, the notebook does not claim them.
  Object.assign(stored, { title: "Kept", parameters: { n: 1 } });
  await Deno.writeTextFile(path, JSON.stringify(notebook));
  const again = (await executeNotebook(path)).notebook.metadata.cutloss as Record<string, unknown>;
  const { title, scale, seed, parameters } = again;
  assertEquals([title, scale, seed, parameters], ["Kept", undefined, undefined, undefined]);
});

Deno.test("Progress names the notebook, the cell of how many, and its first line", async () => {
  const path = await notebookOf("// Load the data\n1", "2");
  const seen: string[] = [];
  await executeNotebook(path, {
    onProgress: ({ cell, cells, title }) => seen.push(`${cell} of ${cells}: ${title}`),
  });
  assertEquals(seen, ["1 of 2: Load the data", "2 of 2: 2", "3 of 2: "]);
});

async function kernelPid(executed: string): Promise<number> {
  const notebook: NotebookFile = JSON.parse(await Deno.readTextFile(executed));
  return Number(printed(notebook, 0).match(/pid (\d+)/)![1]);
}
