/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The site of the notebooks as they are stored, in headless Chromium: what a reader gets. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, assertEquals } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { parseNotebook } from "../../lib/report/nbformat.ts";
import { exportSite } from "../../lib/report/site.ts";
import {
  browserTest,
  chromiumPath,
  complaints,
  coveringTools,
  drawAll,
  launch,
  newPage,
  violations,
} from "./browser.ts";

const FOLDER = new URL("../../notebooks/", import.meta.url);
const NAMES = [...Deno.readDirSync(FOLDER)].flatMap(({ name }) => {
  return name.endsWith(".ipynb") ? [name.replace(/\.ipynb$/, "")] : [];
}).sort();
const WIDE = { width: 1280, height: 900 }, PHONE = { width: 360, height: 740 };

let directory = "";
let browser: Browser;

Deno.test.beforeAll(async () => {
  if (!chromiumPath) return;
  directory = await Deno.makeTempDir({ prefix: "cutloss-stored-" });
  const notebooks = NAMES.map((name) => {
    const text = Deno.readTextFileSync(new URL(`${name}.ipynb`, FOLDER));
    return { name, notebook: parseNotebook(text, name) };
  });
  await exportSite(notebooks, directory);
  browser = await launch();
});

Deno.test.afterAll(async () => {
  await browser?.close();
  if (directory) await Deno.remove(directory, { recursive: true });
});

const address = (name: string) => pathToFileURL(join(directory, `${name}.html`)).href;

/** Texts of interactive figures that reach beyond their picture. */
function cutOff(page: Page): Promise<string[]> {
  return page.locator(".live .main-svg").evaluateAll((pictures) =>
    pictures.flatMap((picture) => {
      const { left, right, top, bottom } = picture.getBoundingClientRect();
      return [...picture.querySelectorAll("text")].filter((text) => {
        const box = text.getBoundingClientRect();
        return text.textContent.trim() !== "" && box.width > 0 && (
          box.left < left - 2 || box.right > right + 2 || box.top < top - 2 ||
          box.bottom > bottom + 2
        );
      }).map((text) => `${picture.closest("figure")!.id}: ${text.textContent}`);
    })
  );
}

for (const name of ["index", ...NAMES, "how-these-numbers-were-made"]) {
  browserTest(`${name}.html is accessible and whole, wide and light, narrow and dark`, async () => {
    const context = await browser.newContext({ viewport: WIDE, offline: true });
    try {
      const page = await newPage(context);
      const found = complaints(page);
      await page.goto(address(name));
      await drawAll(page);
      assertEquals(await cutOff(page), []);
      assertEquals(await coveringTools(page), []);
      assertEquals(await violations(page), []);
      assertEquals(await page.evaluate(() => document.documentElement.scrollWidth), WIDE.width);

      await page.emulateMedia({ colorScheme: "dark" });
      await page.setViewportSize(PHONE);
      await drawAll(page);
      assertEquals(await cutOff(page), []);
      assertEquals(await coveringTools(page), []);
      assertEquals(await violations(page), []);
      assertEquals(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);
      assertEquals(found, []);
    } finally {
      await context.close();
    }
  });
}

browserTest("the first page is below 300 kB, pictures and fonts included", async () => {
  const page = await newPage(browser);
  await page.setViewportSize(WIDE);
  const files = new Set<string>();
  page.on("request", (request) => files.add(request.url()));
  await page.goto(address("index"));
  // Pictures load as they come near, so all of them are brought near.
  for (const picture of await page.locator(".card-picture img").all()) {
    await picture.scrollIntoViewIfNeeded();
    await page.waitForFunction(
      (image) => (image as HTMLImageElement).naturalWidth > 0,
      await picture.elementHandle(),
    );
  }
  await page.evaluate(() => document.fonts.ready.then(() => true));
  await page.close();
  const paths = [...files].filter((url) => url.startsWith("file:")).map((url) => new URL(url));
  const bytes = paths.map((path) => Deno.statSync(path).size).reduce((sum, size) => sum + size);
  assertEquals(
    paths.filter(({ pathname }) => pathname.includes("/pictures/")).length,
    NAMES.length,
  );
  assert(paths.some(({ pathname }) => pathname.endsWith(".woff2")), "fonts count, too");
  assert(!paths.some(({ pathname }) => pathname.includes("plotly")));
  assert(bytes < 300_000, `${bytes} bytes`);
});
