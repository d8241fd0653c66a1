/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Figures of an exported site in headless Chromium: their sliders, their tools, their places. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { figureOutput } from "../../lib/notebook/figure.ts";
import { theme } from "../../lib/notebook/theme.ts";
import { exportSite } from "../../lib/report/site.ts";
import { browserTest, coveringTools, drawAll, newPage, violations } from "./browser.ts";
import { codeCell, markdownCell, notebookFile } from "./sample_notebook.ts";
import { NOTEBOOK, openSite, PHONE, site, WIDE, withPage } from "./site_in_browser.ts";

openSite();

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
  const context = await site.browser.newContext(WIDE);
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
  const context = await site.browser.newContext({ ...PHONE, hasTouch: true, isMobile: true });
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
