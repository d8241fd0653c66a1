/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Pages of an exported site in headless Chromium, opened from disk. Screenshots are left in
 * .cache/report for people to look at.
 */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { figureOutput } from "../../lib/notebook/figure.ts";
import { theme } from "../../lib/notebook/theme.ts";
import { PLOTLY_MIME } from "../../lib/notebook/outputs.ts";
import type { NotebookFile } from "../../lib/report/nbformat.ts";
import { printPdf } from "../../lib/report/pdf.ts";
import { exportSite } from "../../lib/report/site.ts";
import {
  chromiumPath,
  complaints,
  coveringTools,
  drawAll,
  launch,
  newPage,
  violations,
} from "./browser.ts";
import { codeCell, markdownCell, notebookFile, sampleNotebook } from "./sample_notebook.ts";

const NOTEBOOK = "06-cut-cross-entropy";
const PAGES = ["index", NOTEBOOK, "how-these-numbers-were-made"];
const WIDE = { viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" } as const;
const PHONE = { viewport: { width: 360, height: 740 } };
const SHOTS = ".cache/report";

let directory = "";
let browser: Browser;

/** A test of pages, skipped where there is no browser. */
function browserTest(name: string, test: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: !chromiumPath,
    // The browser lives from the first of these tests to the last.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: test,
  });
}

Deno.test.beforeAll(async () => {
  if (!chromiumPath) return;
  directory = await Deno.makeTempDir({ prefix: "cutloss-site-" });
  const notebook = sampleNotebook();
  await drawForReal(notebook);
  await exportSite([{ name: "01-sample", notebook }, { name: NOTEBOOK, notebook }], directory);
  browser = await launch();
  await Deno.mkdir(SHOTS, { recursive: true });
});

Deno.test.afterAll(async () => {
  await browser?.close();
  if (directory) await Deno.remove(directory, { recursive: true });
});

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
async function withPage(
  name: string,
  options: BrowserContextOptions,
  look: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  try {
    const page = await newPage(context);
    const found = complaints(page);
    await page.goto(pathToFileURL(join(directory, `${name}.html`)).href);
    await look(page);
    assertEquals(found, []);
  } finally {
    await context.close();
  }
}

const text = (page: Page, selector: string) => page.locator(selector).first().textContent();

browserTest(
  "figures are still at first and interactive when they come near",
  () =>
    withPage(NOTEBOOK, WIDE, async (page) => {
      assertEquals(await page.locator("figure.figure .still svg").count(), 2);
      assertEquals(await page.locator("figure.figure >> nth=1 >> .live .main-svg").count(), 0);
      await drawAll(page);
      assertEquals(await page.locator(".live .main-svg >> visible=true").count() >= 2, true);
      assertEquals(await page.locator(".still >> visible=true").count(), 0);
      assertEquals(await page.locator("script[src$='plotly.min.js']").count(), 1);
      assertEquals(await page.locator(".live .legendtext").allTextContents(), [
        "naive",
        "cut",
        "naive",
        "cut",
      ]);
    }),
);

browserTest(
  "formulas are typeset in KaTeX's own fonts",
  () =>
    withPage(NOTEBOOK, WIDE, async (page) => {
      await page.evaluate(() => document.fonts.ready);
      const loaded = await page.evaluate(() =>
        [...document.fonts].filter((font) => font.status === "loaded").map((font) => font.family)
      );
      assert(loaded.some((family) => family.includes("KaTeX_Math")), loaded.join());
      assert(loaded.some((family) => family.includes("Source Serif")), loaded.join());
      assert(await page.locator(".katex-display").count() > 0);
    }),
);

browserTest(
  "code unfolds by click, by keyboard, and all at once",
  () =>
    withPage(NOTEBOOK, WIDE, async (page) => {
      const open = () => page.locator("details.code[open]").count();
      assertEquals(await open(), 0);
      await page.locator("details.code > summary").first().click();
      assertEquals(await open(), 1);
      await page.locator("details.code > summary").nth(1).focus();
      await page.keyboard.press("Enter");
      assertEquals(await open(), 2);
      await page.getByRole("button", { name: "Show all code" }).click();
      assertEquals(await open(), await page.locator("details.code").count());
      await page.getByRole("button", { name: "Hide all code" }).click();
      assertEquals(await open(), 0);
    }),
);

browserTest(
  "the copy button copies the code",
  () =>
    withPage(
      NOTEBOOK,
      { ...WIDE, permissions: ["clipboard-read", "clipboard-write"] },
      async (page) => {
        await page.locator("details.code > summary").nth(1).click();
        await page.locator("details.code[open] .code-block").hover();
        const button = page.locator("details.code[open] .copy");
        // It says so for a moment only, which a slow machine might miss by looking.
        const said = button.evaluate((element) =>
          new Promise<void>((resolve) => {
            const look = () => element.textContent === "Copied" && resolve();
            new MutationObserver(look).observe(element, { childList: true });
          })
        );
        await button.click();
        await said;
        const copied = await page.evaluate(() => navigator.clipboard.readText());
        assertEquals(copied, "// Measure the peak memory of each way\nmeasure(rows);");
      },
    ),
);

browserTest(
  "colours follow the system, and the switch, which is remembered",
  () =>
    withPage(NOTEBOOK, { ...WIDE, colorScheme: "dark" }, async (page) => {
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const DARK = "rgb(20, 23, 28)", LIGHT = "rgb(255, 255, 255)";
      assertEquals(await ground(), DARK);
      await drawAll(page);
      const figure = () =>
        page.locator(".live .bg").first().evaluate((element) =>
          getComputedStyle(element.closest(".live")!.querySelector(".main-svg")!).backgroundColor
        );
      assertEquals(await figure(), DARK);
      await page.getByRole("button", { name: "Colours: automatic" }).click();
      assertEquals(await ground(), LIGHT);
      await page.waitForFunction(() =>
        [...document.querySelectorAll<HTMLElement>(".live")].every((e) =>
          e.dataset.drawn === "light"
        )
      );
      assertEquals(await figure(), LIGHT);
      await page.reload();
      assertEquals(await ground(), LIGHT);
      assertEquals(await text(page, ".theme-switch"), "Colours: light");
      await page.getByRole("button", { name: "Colours: light" }).click();
      assertEquals(await ground(), DARK);
      await page.getByRole("button", { name: "Colours: dark" }).click();
      assertEquals(await page.evaluate(() => localStorage.getItem("cutloss-theme")), null);
    }),
);

browserTest(
  "the keyboard reaches the skip link first, then the text",
  () =>
    withPage(NOTEBOOK, WIDE, async (page) => {
      await page.keyboard.press("Tab");
      assertEquals(await text(page, ":focus"), "Skip to the text");
      await page.keyboard.press("Enter");
      assertEquals(await page.evaluate(() => document.activeElement?.id), "content");
      await page.keyboard.press("Tab");
      const focused = page.locator(":focus");
      const outline = await focused.evaluate((element) => getComputedStyle(element).outlineStyle);
      assertEquals(outline, "solid");
      assert(await focused.evaluate((element) => !!element.closest("main")));
    }),
);

browserTest(
  "the contents list leads to sections and marks the one being read",
  () =>
    withPage(NOTEBOOK, WIDE, async (page) => {
      await page.getByRole("navigation", { name: "Contents" }).getByText("The end").click();
      assertStringIncludes(page.url(), "#the-end");
      await page.waitForFunction(() =>
        document.querySelector(".contents [aria-current]")?.textContent === "The end"
      );
    }),
);

browserTest(
  "data can be shown as a table and had as CSV",
  () =>
    withPage(NOTEBOOK, WIDE, async (page) => {
      const figure = page.locator("figure.figure").first();
      await figure.getByText("Show data").click();
      assertStringIncludes(await figure.locator("table").innerText(), "8192");
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        figure.getByRole("link", { name: "CSV" }).click(),
      ]);
      assertEquals(download.suggestedFilename(), `${NOTEBOOK}-figure-1.csv`);
      const csv = await Deno.readTextFile(await download.path());
      assertStringIncludes(csv, "Rows N,naive (MiB)");
    }),
);

browserTest("a figure's slider is moved by the keyboard, and keeps its place", async () => {
  const own = await Deno.makeTempDir({ prefix: "cutloss-slider-" });
  const visible = (chosen: number) => ["visible", [0, 1, 2].map((i) => i === chosen)];
  const { data, metadata } = await figureOutput({
    data: [0, 1, 2].map((i) => ({ x: [0, 1], y: [i, i], name: `line ${i}`, visible: i === 1 })),
    layout: {
      xaxis: { title: "Time (ms)" },
      yaxis: { title: "Output (V)" },
      sliders: [{
        active: 1,
        currentvalue: { prefix: "λ = " },
        steps: [0, 1, 2].map((i) => ({ label: `${i}`, method: "restyle", args: visible(i) })),
      }],
    },
    caption: "One of three lines.",
    alt: "A line whose height the slider sets.",
  });
  const output = { output_type: "display_data" as const, data, metadata: { cutloss: metadata } };
  const notebook = notebookFile([markdownCell("# A slider"), codeCell("figure()", [output])]);
  const context = await browser.newContext(WIDE);
  try {
    await exportSite([{ name: "slider", notebook }], own);
    const page = await newPage(context);
    await page.goto(pathToFileURL(join(own, "slider.html")).href);
    await drawAll(page);
    const heights = () =>
      page.locator(".live").evaluate((element) =>
        (element as unknown as { data: { visible: boolean; y: number[] }[] }).data
          .filter(({ visible }) => visible).map(({ y }) => y[0])
      );
    assertEquals(await heights(), [1]);
    const slider = page.getByRole("slider", { name: "λ = 1" });
    await slider.press("ArrowRight");
    assertEquals(await page.locator(".slider label").textContent(), "λ = 2");
    await page.locator(".live .legendtext", { hasText: "line 2" }).waitFor();
    assertEquals(await heights(), [2]);
    await page.emulateMedia({ colorScheme: "dark" });
    await drawAll(page);
    assertEquals(await heights(), [2], "after the page has turned dark");
    assertEquals(await page.locator(".slider").count(), 1);
    assertEquals(await violations(page), []);
  } finally {
    await context.close();
    await Deno.remove(own, { recursive: true });
  }
});

for (const colorScheme of ["light", "dark"] as const) {
  browserTest(
    `a figure's tools stand above it, shown to pointer and keyboard, ${colorScheme}`,
    () =>
      withPage(NOTEBOOK, { ...WIDE, colorScheme }, async (page) => {
        await drawAll(page);
        assertEquals(await coveringTools(page), []);
        const live = page.locator(".live").first(), group = live.locator(".modebar-group").first();
        const shown = async (opacity: string) =>
          await page.waitForFunction(
            ([element, wanted]) => getComputedStyle(element as Element).opacity === wanted,
            [await group.elementHandle(), opacity] as const,
          );
        await shown("0");
        await live.hover();
        await shown("1");
        await page.mouse.move(0, 0);
        await shown("0");
        await live.locator(".modebar-btn").first().focus();
        await shown("1");
        // Over "Zoom", the active one, to "Pan".
        for (let i = 0; i < 2; i++) await page.keyboard.press("Tab");
        assertEquals(await live.locator(".modebar-btn:focus-visible").count(), 1);

        const tools = await live.locator(".modebar-btn").evaluateAll((buttons) =>
          buttons.map((button) => button.getAttribute("data-title") ?? "")
        );
        assert(tools.length > 3, tools.join());
        assert(!tools.some((tool) => /share|cloud/i.test(tool)), tools.join());

        const looks = await live.locator(".modebar-btn:focus").evaluate((button) => [
          getComputedStyle(button.closest(".modebar-group")!).backgroundColor,
          getComputedStyle(button.closest(".modebar")!).backgroundColor,
          getComputedStyle(button.querySelector("path")!).fill,
          getComputedStyle(button).outlineColor,
        ]);
        const { muted, series: [accent] } = theme[colorScheme];
        const none = "rgba(0, 0, 0, 0)";
        assertEquals(looks, [none, none, rgb(muted), rgb(accent)]);
      }),
  );
}

/** A colour such as "#0072b2" as browsers give it back. */
function rgb(hex: string): string {
  return `rgb(${[1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(", ")})`;
}

browserTest("an interactive figure stands where its still picture stood", async () => {
  for (const options of [WIDE, PHONE]) {
    await withPage(NOTEBOOK, options, async (page) => {
      await drawAll(page);
      const places = await page.locator("figure.figure:has(.live)").evaluateAll((figures) =>
        figures.map((figure) => {
          const still = figure.querySelector<HTMLElement>(".still")!;
          const live = figure.querySelector<HTMLElement>(".live")!;
          const top = (selector: string) =>
            Math.round(figure.querySelector(selector)!.getBoundingClientRect().top);
          const now = top(".live .main-svg");
          [still.hidden, live.hidden] = [false, true];
          const before = top(".still svg");
          [still.hidden, live.hidden] = [true, false];
          return now - before;
        })
      );
      assertEquals(places, [0, 0]);
    });
  }
});

browserTest("a finger finds a figure's tools, also beside one that scrolls", async () => {
  const own = await Deno.makeTempDir({ prefix: "cutloss-tools-" });
  const row = Array.from({ length: 30 }, (_, i) => i);
  const { data, metadata } = await figureOutput({
    data: [{ type: "heatmap", z: [row, row], texttemplate: "%{z}" }],
    layout: { xaxis: { title: "Column" }, yaxis: { title: "Row" } },
    caption: "More columns than a phone is wide.",
    alt: "A heat map whose columns count up.",
  });
  const output = { output_type: "display_data" as const, data, metadata: { cutloss: metadata } };
  const notebook = notebookFile([markdownCell("# Wide\n\nText."), codeCell("figure()", [output])]);
  const context = await browser.newContext({ ...PHONE, hasTouch: true, isMobile: true });
  try {
    await exportSite([{ name: "wide", notebook }], own);
    const page = await newPage(context);
    await page.goto(pathToFileURL(join(own, "wide.html")).href);
    await drawAll(page);
    const live = page.locator(".live");
    const scrolls = () =>
      live.evaluate((box) => [box.scrollWidth > box.clientWidth, box.scrollLeft]);
    assertEquals(await scrolls(), [true, 0]);
    assertEquals(await coveringTools(page), []);
    const opacity = () =>
      live.locator(".modebar-group").first().evaluate((group) => getComputedStyle(group).opacity);
    assertEquals(await opacity(), "1");
    await live.getByRole("button", { name: "Pan" }).tap();
    await page.waitForFunction(
      (box) => (box as unknown as { layout: { dragmode: string } }).layout.dragmode === "pan",
      await live.elementHandle(),
    );
    assertEquals(await scrolls(), [true, 0]);
  } finally {
    await context.close();
    await Deno.remove(own, { recursive: true });
  }
});

browserTest("nothing is wider than a phone, whose contents list is folded", async () => {
  for (const name of PAGES) {
    await withPage(name, PHONE, async (page) => {
      await drawAll(page);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assertEquals(width, 360, name);
      if (name === NOTEBOOK) {
        assertEquals(await page.locator(".contents details[open]").count(), 0);
        await page.locator(".contents summary").click();
        assert(await page.locator(".contents li").first().isVisible());
        await page.locator(".contents summary").click();
      }
      await page.screenshot({ path: join(SHOTS, `${name}-phone.png`), fullPage: true });
    });
  }
});

for (const colorScheme of ["light", "dark"] as const) {
  browserTest(`axe-core finds no violation in ${colorScheme} pages`, async () => {
    for (const name of PAGES) {
      await withPage(name, { ...WIDE, colorScheme }, async (page) => {
        await drawAll(page);
        await page.screenshot({ path: join(SHOTS, `${name}-${colorScheme}.png`), fullPage: true });
        for (const details of await page.locator("main details").all()) {
          await details.evaluate((element) => (element as HTMLDetailsElement).open = true);
        }
        assertEquals(await violations(page), [], name);
      });
    }
  });
}

browserTest(
  "without JavaScript a page shows its text, still figures and data",
  () =>
    withPage(NOTEBOOK, { ...WIDE, javaScriptEnabled: false }, async (page) => {
      assert(await page.locator(".still svg").first().isVisible());
      assertEquals(await page.locator("button >> visible=true").count(), 0);
      await page.locator("details.code > summary").first().click();
      assert(await page.locator("details.code pre").first().isVisible());
    }),
);

browserTest(
  "a printed page is light and has its figures",
  () =>
    withPage(NOTEBOOK, { ...WIDE, colorScheme: "dark" }, async (page) => {
      await drawAll(page);
      await page.emulateMedia({ media: "print", colorScheme: "dark" });
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assertEquals(ground, "rgb(255, 255, 255)");
      assertEquals(await page.locator(".still >> visible=true").count(), 2);
      assertEquals(await page.locator("button >> visible=true").count(), 0);
      await page.screenshot({ path: join(SHOTS, `${NOTEBOOK}-print.png`), fullPage: true });
    }),
);

browserTest("every page is printed to a PDF of its own", async () => {
  const files = await printPdf(directory);
  assertEquals(files.length, 4);
  for (const file of files) {
    const head = (await Deno.readFile(file)).slice(0, 5);
    assertEquals(new TextDecoder().decode(head), "%PDF-");
  }
  await Deno.copyFile(join(directory, `${NOTEBOOK}.pdf`), resolve(SHOTS, `${NOTEBOOK}.pdf`));
});
