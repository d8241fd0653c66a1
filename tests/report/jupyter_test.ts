import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { executeNotebook } from "../../lib/report/execute.ts";
import { joinText, type NotebookFile, type NotebookOutput } from "../../lib/report/nbformat.ts";
import { chromiumPath, launch, newPage } from "./browser.ts";
import { notebookOf } from "./notebooks.ts";
import { startJupyter } from "./jupyter_server.ts";
import { type Python, testWithPython } from "./python.ts";

const MOD = import.meta.resolve("../../lib/notebook/mod.ts");

/**
 * Cells with every kind of output that our notebooks have. What the Deno kernel prints by itself, with
 * console.log or as the value of a cell, may come after it has said that it is idle, and is then lost
 * in every front end: `log` and `show` wait until it is out.
 */
const CELLS = [
  `import * as notebook from ${JSON.stringify(MOD)};`,
  `for (let i = 0; i < 20; i++) await notebook.log("line " + i);\nawait notebook.log("last", "line");`,
  `await notebook.figure({
    data: [{ x: [1, 2, 4], y: [1, 4, 16], name: "measured" }],
    layout: { xaxis: { title: "Size (MiB)" }, yaxis: { title: "Time (ms)" } },
    caption: "Time over size.", alt: "A rising line." });`,
  `await notebook.table([{ Way: "cut", "Time (ms)": 1.5 }], { caption: "Times." });`,
  `const bar = notebook.progress(10, { label: "Counting" });
for (let i = 1; i <= 10; i++) await bar.update(i);`,
  `await notebook.show(6 * 7);`,
];

/** Runs a Python program of the environment and returns what it prints. */
async function run(python: Python, name: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(python.program(name), {
    args,
    env: python.env,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assert(success, text.decode(stderr));
  return text.decode(stdout);
}

/** What a cell shows, as far as two executions must agree: not times, nor where streams are cut. */
function essence(outputs: NotebookOutput[]): unknown[] {
  const printed = outputs.map((output) => joinText(output.text)).join("");
  const shown = outputs.filter(({ data }) => data).map(({ output_type, data, metadata }) => ({
    output_type,
    mimes: Object.keys(data!).sort(),
    plain: joinText(data!["text/plain"]).replace(/ · .*/s, ""),
    keys: Object.keys(metadata!),
  }));
  return [printed, ...shown];
}

testWithPython({
  name: "Jupyter's nbformat finds executed notebooks valid",
  fn: async (python) => {
    const path = await notebookOf(...CELLS, {
      source: `throw new Error("as expected")`,
      tags: ["raises-exception"],
    });
    const out = `${path}.out.ipynb`;
    await executeNotebook(path, { out });
    const check =
      "import nbformat, sys; nbformat.validate(nbformat.read(sys.argv[1], 4)); print('ok')";
    // warnings are errors, because nbformat only warns about missing cell ids
    assertEquals(await run(python, "python", ["-W", "error", "-c", check, out]), "ok\n");
  },
});

testWithPython({
  name: "Jupyter's nbclient executes a notebook with the same outputs in the same cells",
  fn: async (python) => {
    const path = await notebookOf(...CELLS);
    const { notebook: ours } = await executeNotebook(path);
    const script = `
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, kernel_name="deno", timeout=600).execute()
nbformat.write(notebook, sys.argv[1])`;
    await run(python, "python", ["-c", script, path]);
    const theirs: NotebookFile = JSON.parse(await Deno.readTextFile(path));
    for (const [index, cell] of theirs.cells.entries()) {
      assertEquals(
        essence(cell.outputs!),
        essence(ours.cells[index].outputs!),
        `cell ${index + 1}`,
      );
      assertEquals(cell.execution_count, ours.cells[index].execution_count);
    }
  },
});

testWithPython({
  name: "JupyterLab 4 opens a notebook, runs all cells and shows figure, table and progress",
  ignore: !chromiumPath,
  fn: async (python) => {
    const path = await notebookOf(...CELLS);
    const folder = path.replace(/[/\\][^/\\]*$/, "");
    await using lab = await startJupyter(python, "jupyter-lab", folder);
    await using browser = await launch();
    const page = await newPage(browser);
    await page.setViewportSize({ width: 1200, height: 1400 });
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${lab.url}/lab/tree/test.ipynb?token=${lab.token}&reset`);
    const codeCells = page.locator(".jp-Notebook .jp-CodeCell");
    await codeCells.first().waitFor();
    await page.getByText("Deno | Idle").waitFor();
    await page.getByRole("menuitem", { name: "Run", exact: true }).click();
    await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();

    const screenshot = fileURLToPath(new URL("../../.cache/jupyterlab.png", import.meta.url));
    try {
      await page.locator(".jp-OutputArea-output", { hasText: /^42$/ }).waitFor();
    } finally {
      await page.screenshot({ path: screenshot }); // to look at
    }
    const output = (cell: number) => codeCells.nth(cell).locator(".jp-OutputArea-output");
    const lines = [...Array.from({ length: 20 }, (_, i) => `line ${i}`), "last", "line"];
    assertEquals((await output(1).allInnerTexts()).join("").trim(), lines.join("\n"));
    const picture = output(2).locator("img");
    await picture.scrollIntoViewIfNeeded();
    const width = await picture.evaluate(async (element) => {
      const image = element as unknown as { naturalWidth: number; decode(): Promise<void> };
      await image.decode();
      return image.naturalWidth;
    });
    assertEquals(width, 720, "the figure is drawn");
    assertEquals(await output(3).locator("th").allInnerTexts(), ["Way", "Time (ms)"]);
    assertEquals(await output(4).locator("progress").count(), 1, "one bar, updated in place");
    assertEquals(complaints, []);
  },
});
