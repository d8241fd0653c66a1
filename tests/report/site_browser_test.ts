/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Pages of an exported site in headless Chromium, opened from disk. Screenshots are left in
 * .cache/report for people to look at.
 */
import { join, resolve } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { printPdf } from "../../lib/report/pdf.ts";
import { browserTest, drawAll, violations } from "./browser.ts";
import { NOTEBOOK, openSite, PHONE, site, WIDE, withPage } from "./site_in_browser.ts";

const PAGES = ["index", NOTEBOOK, "how-these-numbers-were-made"];
const SHOTS = ".cache/report";

openSite();
Deno.test.beforeAll(() => Deno.mkdir(SHOTS, { recursive: true }));

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
  const files = await printPdf(site.directory);
  assertEquals(files.length, 4);
  for (const file of files) {
    const head = (await Deno.readFile(file)).slice(0, 5);
    assertEquals(new TextDecoder().decode(head), "%PDF-");
  }
  await Deno.copyFile(join(site.directory, `${NOTEBOOK}.pdf`), resolve(SHOTS, `${NOTEBOOK}.pdf`));
});
