/** The sample's site, opened from disk in headless Chromium, for tests of its pages. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assertEquals } from "@std/assert";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { figureOutput } from "../../lib/notebook/figure.ts";
import { PLOTLY_MIME } from "../../lib/notebook/outputs.ts";
import type { NotebookFile } from "../../lib/report/nbformat.ts";
import { exportSite } from "../../lib/report/site.ts";
import { chromiumPath, complaints, launch, newPage } from "./browser.ts";
import { sampleNotebook } from "./sample_notebook.ts";

export const NOTEBOOK = "06-cut-cross-entropy";
export const WIDE = { viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" } as const;
export const PHONE = { viewport: { width: 360, height: 740 } };

/** What `openSite` made: where the site lies, and the browser. */
export const site = { directory: "", browser: undefined as unknown as Browser };

/** Has the site and a browser there before the first test of a file, and gone after the last. */
export function openSite(): void {
  Deno.test.beforeAll(async () => {
    if (!chromiumPath) return;
    site.directory = await Deno.makeTempDir({ prefix: "cutloss-site-" });
    const notebook = sampleNotebook();
    await drawForReal(notebook);
    const notebooks = [{ name: "01-sample", notebook }, { name: NOTEBOOK, notebook }];
    await exportSite(notebooks, site.directory);
    site.browser = await launch();
  });
  Deno.test.afterAll(async () => {
    await site.browser?.close();
    if (site.directory) await Deno.remove(site.directory, { recursive: true });
  });
}

/** Puts a figure that lib/notebook drew where the sample has its first. */
async function drawForReal(notebook: NotebookFile): Promise<void> {
  const rows = [1024, 2048, 4096, 8192];
  const { data, metadata } = await figureOutput({
    data: [
      { x: rows, y: rows.map((n) => n * 50257 * 4 / 2 ** 20), name: "naive" },
      { x: rows, y: rows.map((n) => n * 0.02), name: "cut" },
    ],
    layout: { xaxis: { title: "Rows N" }, yaxis: { title: "Peak memory (MiB)" } },
    caption: "Peak memory over rows *N*, naive and cut.",
    alt: "Two lines over the number of rows: naive grows to 1571 MiB, cut stays near zero.",
    id: "peak-memory",
  });
  for (const { outputs = [] } of notebook.cells) {
    const i = outputs.findIndex((output) => output.data?.[PLOTLY_MIME] !== undefined);
    if (i < 0) continue;
    outputs[i] = { output_type: "display_data", data, metadata: { cutloss: metadata } };
    return;
  }
}

/** Opens a page from disk, and fails if it complains about anything. */
export async function withPage(
  name: string,
  options: BrowserContextOptions,
  look: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await site.browser.newContext(options);
  try {
    const page = await newPage(context);
    const found = complaints(page);
    await page.goto(pathToFileURL(join(site.directory, `${name}.html`)).href);
    await look(page);
    assertEquals(found, []);
  } finally {
    await context.close();
  }
}
