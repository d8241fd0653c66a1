/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Our notebooks in JupyterLab 4 and Notebook 7, as a reader uses them. */
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import type { Locator, Page } from "playwright-core";
import { joinText, type NotebookFile, parseNotebook } from "../../lib/report/nbformat.ts";
import { chromiumPath, launch, newPage } from "./browser.ts";
import { startJupyter } from "./jupyter_server.ts";
import { notebookOf, projectWith } from "./notebooks.ts";
import { testWithPython } from "./python.ts";

const MOD = JSON.stringify(import.meta.resolve("../../lib/notebook/mod.ts"));
/** The one that is quickest; another, such as 05-differential-attention.ipynb, by the environment. */
const NOTEBOOK = Deno.env.get("CUTLOSS_TEST_NOTEBOOK") ?? "01-byte-pair-encoding.ipynb";

/** The front ends: where each shows a notebook. */
const FRONT_ENDS = [
  { name: "JupyterLab 4", program: "jupyter-lab", path: "/lab/tree/" },
  { name: "Notebook 7", program: "jupyter-notebook", path: "/notebooks/" },
] as const;

/** Longest wait for all cells of a notebook. */
const ALL_CELLS = 1_800_000;

/** A notebook that is open in a front end. */
class OpenNotebook {
  readonly cells: Locator;
  constructor(readonly page: Page) {
    this.cells = page.locator(".jp-Notebook .jp-CodeCell");
  }

  /** Waits until its kernel is there and waits for work. */
  async idle(): Promise<void> {
    await this.page.locator(".jp-KernelName", { hasText: "Deno" }).first().waitFor();
    await this.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').first()
      .waitFor({ state: "attached" });
  }

  async menu(name: string, item: RegExp): Promise<void> {
    await this.page.getByRole("menuitem", { name, exact: true }).click();
    await this.page.getByRole("menuitem", { name: item }).click();
  }

  /** What a cell has put out. */
  outputs(cell: number): Locator {
    return this.cells.nth(cell).locator(".jp-OutputArea-output");
  }
}

async function open(
  server: { url: string; token: string },
  path: string,
  page: Page,
): Promise<OpenNotebook> {
  await page.goto(`${server.url}${path}?token=${server.token}`);
  const notebook = new OpenNotebook(page);
  await notebook.cells.first().waitFor();
  await notebook.idle();
  return notebook;
}

function screenshot(name: string): string {
  return fileURLToPath(new URL(`../../.cache/${name}.png`, import.meta.url)); // to look at
}

/** How many pictures and tables a front end without extensions shows of a notebook's outputs. */
function shownBy(notebook: NotebookFile): { figures: number; tables: number } {
  const shown = { figures: 0, tables: 0 };
  for (const output of notebook.cells.flatMap((cell) => cell.outputs ?? [])) {
    const of = (mime: string) => joinText(output.data?.[mime]);
    if (of("text/html")) shown.tables += of("text/html").split("<table").length - 1;
    else if (of("text/markdown")) {
      shown.tables += of("text/markdown").split(/^\|[ :|-]+\|$/m).length - 1;
    } else if (of("image/svg+xml")) shown.figures++;
  }
  return shown;
}

/** Waits until so many figures are drawn (not icons, nor broken pictures) and tables are there. */
async function waitForOutputs(
  { page }: OpenNotebook,
  { figures, tables }: { figures: number; tables: number },
): Promise<void> {
  const found = () =>
    page.evaluate(() => ({
      figures: [...document.querySelectorAll<HTMLImageElement>(".jp-OutputArea-output img")]
        .filter((image) => image.naturalWidth >= 500).length,
      tables: document.querySelectorAll(".jp-OutputArea-output table").length,
    }));
  await page.waitForFunction(
    (wanted) =>
      document.querySelectorAll(".jp-OutputArea-output table").length === wanted.tables &&
      [...document.querySelectorAll<HTMLImageElement>(".jp-OutputArea-output img")]
          .filter((image) => image.naturalWidth >= 500).length === wanted.figures,
    { figures, tables },
  ).catch(() => {}); // what is there then says more than that time is over
  assertEquals(await found(), { figures, tables });
}

for (const { name, program, path } of FRONT_ENDS) {
  const options = { ignore: !chromiumPath };

  testWithPython({
    ...options,
    name: `${name} shows a notebook's stored figures, and the same after restart and run all`,
    fn: async (python) => {
      const folder = await projectWith(NOTEBOOK);
      const stored = parseNotebook(await Deno.readTextFile(`${folder}/notebooks/${NOTEBOOK}`), "");
      const expected = shownBy(stored);
      const codeCells = stored.cells.filter((cell) => cell.cell_type === "code").length;
      await using server = await startJupyter(python, program, folder);
      await using browser = await launch();
      const page = await newPage(browser);
      await page.setViewportSize({ width: 1200, height: 1600 });
      const notebook = await open(server, `${path}notebooks/${NOTEBOOK}`, page);
      assert(expected.figures > 0 && expected.tables > 0);
      await waitForOutputs(notebook, expected);

      await notebook.menu("Kernel", /^Restart Kernel and Run All Cells/);
      await page.locator(".jp-Dialog .jp-mod-accept").click();
      try {
        // Its last cell says where it ran, as a table. First it waits for its turn: without a look at that
        // the number would be the stored one.
        const last = notebook.cells.nth(codeCells - 1);
        for (const prompt of ["[*]", `[${codeCells}]`]) {
          const there = last.locator(".jp-InputPrompt", { hasText: prompt });
          await there.waitFor({ timeout: ALL_CELLS });
        }
        await notebook.idle();
      } finally {
        await notebook.outputs(9).first().scrollIntoViewIfNeeded();
        await page.screenshot({ path: screenshot(`${program}-${NOTEBOOK.slice(0, 2)}`) });
      }
      const prompts = await page.locator(".jp-CodeCell .jp-InputPrompt").allTextContents();
      assertEquals(
        prompts.map((prompt) => prompt.trim()),
        Array.from({ length: codeCells }, (_, i) => `[${i + 1}]:`),
        "a fresh kernel ran every cell once, in order",
      );
      assertEquals(
        await page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count(),
        0,
      );
      await waitForOutputs(notebook, expected);
    },
  });

  testWithPython({
    ...options,
    name: `${name} updates a progress bar in place, and interrupting keeps the kernel's variables`,
    fn: async (python) => {
      const file = await notebookOf(
        `import { log, progress } from ${MOD};\nlet rounds = 0;`,
        `const bar = progress(1e12, { label: "Training" });
while (true) await bar.update(++rounds);`,
        `await log("rounds are kept: " + (rounds > 10));`,
      );
      await using server = await startJupyter(python, program, file.replace(/[/\\][^/\\]*$/, ""));
      await using browser = await launch();
      const page = await newPage(browser);
      await page.setViewportSize({ width: 1100, height: 700 });
      const notebook = await open(server, `${path}test.ipynb`, page);
      await notebook.menu("Run", /^Run All Cells$/);

      const bar = notebook.outputs(1).locator("progress");
      await bar.waitFor();
      const first = await notebook.outputs(1).innerText();
      const element = await notebook.cells.nth(1).elementHandle();
      // Fails by its own patience if the bar stands still.
      await page.waitForFunction(
        ({ element, first }) => {
          const output = element!.querySelector<HTMLElement>(".jp-OutputArea-output");
          return output?.innerText.match(/[\d,]+ of/) && output.innerText !== first;
        },
        { element, first },
      );
      assertEquals(await bar.count(), 1, "one bar");

      await notebook.menu("Kernel", /^Interrupt Kernel/);
      await notebook.outputs(1).filter({ hasText: "InterruptedError" }).waitFor();
      await notebook.idle();
      assertEquals(await bar.count(), 1, "the bar stays where it came to");
      await notebook.cells.nth(2).locator(".cm-content").click();
      await page.keyboard.press("Shift+Enter");
      const kept = notebook.outputs(2).filter({ hasText: "rounds are kept: true" });
      try {
        await kept.waitFor();
      } finally {
        await page.screenshot({ path: screenshot(`${program}-interrupted`) });
      }
    },
  });
}
