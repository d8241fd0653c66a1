/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import axe from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { CHROMIUM_FLAGS, CHROMIUM_MISSING, findChromium } from "../../lib/report/chromium.ts";

/** Where Chromium is, or undefined; says once why tests of pages are skipped. */
export const chromiumPath = await findChromium();
if (!chromiumPath) console.log(`Tests of pages in a browser are skipped. ${CHROMIUM_MISSING}`);

/** A test of pages, skipped where there is no browser. */
export function browserTest(name: string, test: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: !chromiumPath,
    // The browser lives from the first of a file's tests to the last.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: test,
  });
}

/** Starts a headless Chromium, with more flags if there are any. */
export function launch(...flags: string[]): Promise<Browser> {
  const args = [...CHROMIUM_FLAGS, ...flags];
  return chromium.launch({ executablePath: chromiumPath, args, timeout: PATIENCE });
}

/**
 * Longest wait for an event, in milliseconds. Every wait is for an event, so this is only how slow a
 * machine may be before it counts as hanging.
 */
export const PATIENCE = 900_000;

/** Opens an empty page that waits with {@link PATIENCE}. */
export async function newPage(where: Browser | BrowserContext): Promise<Page> {
  const page = await where.newPage();
  page.setDefaultTimeout(PATIENCE);
  return page;
}

/** Collects what a page complains about: errors, failed requests and anything from a network. */
export function complaints(page: Page): string[] {
  const found: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) found.push(message.text());
  });
  page.on("pageerror", (error) => found.push(String(error)));
  page.on("requestfailed", (request) => {
    // A download ends its request this way.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") found.push(`${request.url()} failed`);
  });
  page.on("request", (request) => {
    if (!/^(file|data|blob|about):/.test(request.url())) found.push(`asked for ${request.url()}`);
  });
  return found;
}

/** Scrolls to each figure, and waits until Plotly has drawn it for the page's width and colours. */
export async function drawAll(page: Page): Promise<void> {
  for (const figure of await page.locator(".live").all()) {
    await figure.locator("xpath=..").scrollIntoViewIfNeeded();
    await page.waitForFunction(
      (element) => {
        const { dataset, parentElement } = element as HTMLElement;
        const dark = getComputedStyle(document.body).backgroundColor !== "rgb(255, 255, 255)";
        return dataset.drawn === (dark ? "dark" : "light") &&
          Number(dataset.column) === parentElement!.clientWidth;
      },
      await figure.elementHandle(),
    );
  }
  await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
}

/**
 * Tool bars of drawn figures that lie on something or are out of sight, as figure and reason: on the
 * figure itself, on the text around it, or beyond the edge of the box that the figure scrolls in.
 */
export function coveringTools(page: Page): Promise<string[]> {
  return page.locator(".live .modebar").evaluateAll((bars) =>
    bars.flatMap((bar) => {
      const box = bar.getBoundingClientRect();
      const live = bar.closest(".live")!, room = live.getBoundingClientRect();
      // Nothing of a figure is seen beyond its picture, so that one box stands for all in it.
      const around = [...document.querySelectorAll("main *")].filter((element) =>
        !element.contains(bar) && !element.closest(".modebar") &&
        !element.parentElement!.closest(".main-svg")
      );
      const under = around.filter((element) => {
        const other = element.getBoundingClientRect();
        // What is folded away has a box, too.
        return element.checkVisibility() && other.width * other.height > 0 &&
          other.left < box.right &&
          other.right > box.left && other.top < box.bottom && other.bottom > box.top;
      });
      const outside = box.left < room.left || box.right > room.right || box.top < room.top;
      const name = live.closest("figure")!.id;
      return [
        ...under.map((element) => `${name}: on ${element.outerHTML.slice(0, 80)}`),
        ...outside ? [`${name}: out of sight`] : [],
      ];
    })
  );
}

/** What axe-core finds wrong, each as rule and elements. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  // Without `preload`: it would fetch the style sheet, which browsers forbid on pages from disk. What
  // Plotly draws is one thing to axe, named by what is around it: its thousands of lines take minutes.
  const results = await page.evaluate(() =>
    // deno-lint-ignore no-explicit-any -- axe, in the page
    (globalThis as any).axe.run({ exclude: [[".main-svg"]] }, { preload: false })
  );
  return results.violations.map((rule: { id: string; nodes: { html: string }[] }) =>
    `${rule.id}: ${rule.nodes.map((node) => node.html.slice(0, 150)).join(" | ")}`
  );
}
