/** Our notebooks in JupyterLab 4 and Notebook 7, as a reader uses them. */
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import type { Locator, Page } from "playwright-core";
import { parseNotebook } from "../../lib/report/nbformat.ts";
import { chromiumPath, launch } from "./browser.ts";
import { startJupyter } from "./jupyter_server.ts";
import { notebookOf, projectWith } from "./notebooks.ts";
import { findPython } from "./python.ts";

const python = await findPython();
const MOD = JSON.stringify(import.meta.resolve("../../lib/notebook/mod.ts"));
/** The one that is quickest; another, such as 05-differential-attention.ipynb, by the environment. */
const NOTEBOOK = Deno.env.get("CUTLOSS_TEST_NOTEBOOK") ?? "01-byte-pair-encoding.ipynb";

/** The front ends: where each shows a notebook. */
const FRONT_ENDS = [
  { name: "JupyterLab 4", program: "jupyter-lab", path: "/lab/tree/" },
  { name: "Notebook 7", program: "jupyter-notebook", path: "/notebooks/" },
] as const;

/** A notebook that is open in a front end. */
class OpenNotebook {
  readonly cells: Locator;
  constructor(readonly page: Page) {
    this.cells = page.locator(".jp-Notebook .jp-CodeCell");
  }

  /** Waits until its kernel is there and waits for work. */
  async idle(milliseconds = 60_000): Promise<void> {
    await this.page.locator(".jp-KernelName", { hasText: "Deno" }).first()
      .waitFor({ timeout: milliseconds });
    await this.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').first()
      .waitFor({ state: "attached", timeout: milliseconds });
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
  await notebook.cells.first().waitFor({ timeout: 60_000 });
  await notebook.idle();
  return notebook;
}

function screenshot(name: string): string {
  return fileURLToPath(new URL(`../../.cache/${name}.png`, import.meta.url)); // to look at
}

/** Waits until so many figures are drawn (not icons, nor broken pictures), for half a minute. */
async function waitForFigures(notebook: OpenNotebook, expected: number): Promise<void> {
  const drawn = async () => {
    const pictures = notebook.page.locator(".jp-OutputArea-output img");
    const widths = await pictures.evaluateAll((images) =>
      images.map((image) => (image as unknown as { naturalWidth: number }).naturalWidth)
    );
    return widths.filter((width) => width >= 500).length;
  };
  for (let i = 0; i < 60 && await drawn() !== expected; i++) {
    await notebook.page.waitForTimeout(500);
  }
  assertEquals(await drawn(), expected, "figures");
}

/** How many tables are shown, once that has not changed for three seconds: they come bit by bit. */
async function settledTables({ page }: OpenNotebook): Promise<number> {
  let count = -1;
  for (let same = 0; same < 6; same++) {
    const now = await page.locator(".jp-OutputArea-output table").count();
    if (now !== count) same = 0;
    count = now;
    await page.waitForTimeout(500);
  }
  return count;
}

for (const { name, program, path } of FRONT_ENDS) {
  const options = { ignore: !python || !chromiumPath };

  Deno.test({
    ...options,
    name: `${name} shows a notebook's stored figures, and the same after restart and run all`,
    fn: async () => {
      const folder = await projectWith(NOTEBOOK);
      const stored = parseNotebook(await Deno.readTextFile(`${folder}/notebooks/${NOTEBOOK}`), "");
      const figures = stored.cells.flatMap((cell) => cell.outputs ?? [])
        .filter((output) => output.data?.["image/svg+xml"]).length;
      const codeCells = stored.cells.filter((cell) => cell.cell_type === "code").length;
      await using server = await startJupyter(python!, program, folder);
      await using browser = await launch();
      const page = await browser.newPage({ viewport: { width: 1200, height: 1600 } });
      const notebook = await open(server, `${path}notebooks/${NOTEBOOK}`, page);
      await waitForFigures(notebook, figures);
      const tables = await settledTables(notebook);
      assert(tables > 0);

      await notebook.menu("Kernel", /^Restart Kernel and Run All Cells/);
      await page.locator(".jp-Dialog .jp-mod-accept").click();
      try {
        // Its last cell says where it ran, as a table.
        await notebook.cells.nth(codeCells - 1).locator(".jp-InputPrompt", {
          hasText: `[${codeCells}]`,
        }).waitFor({ timeout: 900_000 });
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
      await waitForFigures(notebook, figures);
      assertEquals(await settledTables(notebook), tables);
    },
  });

  Deno.test({
    ...options,
    name: `${name} updates a progress bar in place, and interrupting keeps the kernel's variables`,
    fn: async () => {
      const file = await notebookOf(
        `import { progress } from ${MOD};\nlet rounds = 0;`,
        `const bar = progress(1e12, { label: "Training" });
while (true) await bar.update(++rounds);`,
        `console.log("rounds are kept:", rounds > 10);`,
      );
      await using server = await startJupyter(python!, program, file.replace(/[/\\][^/\\]*$/, ""));
      await using browser = await launch();
      const page = await browser.newPage({ viewport: { width: 1100, height: 700 } });
      const notebook = await open(server, `${path}test.ipynb`, page);
      await notebook.menu("Run", /^Run All Cells$/);

      const bar = notebook.outputs(1).locator("progress");
      await bar.waitFor({ timeout: 30_000 });
      const steps = async () =>
        Number((await notebook.outputs(1).innerText()).match(/([\d,]+) of/)![1]
          .replaceAll(",", ""));
      const first = await steps();
      let later = first;
      for (let i = 0; i < 100 && later <= first; i++) {
        await page.waitForTimeout(100);
        later = await steps();
      }
      assert(later > first, `${later} steps after ${first}`);
      assertEquals(await bar.count(), 1, "one bar");

      await notebook.menu("Kernel", /^Interrupt Kernel/);
      await notebook.outputs(1).filter({ hasText: "InterruptedError" }).waitFor({
        timeout: 30_000,
      });
      await notebook.idle();
      assertEquals(await bar.count(), 1, "the bar stays where it came to");
      await notebook.cells.nth(2).locator(".cm-content").click();
      await page.keyboard.press("Shift+Enter");
      const kept = notebook.outputs(2).filter({ hasText: "rounds are kept: true" });
      try {
        await kept.waitFor({ timeout: 30_000 });
      } finally {
        await page.screenshot({ path: screenshot(`${program}-interrupted`) });
      }
    },
  });
}
