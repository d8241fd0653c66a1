/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** "Rerun here" in headless Chromium on its software adapter, with Deno's values. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { Plan, Report } from "../../lib/report/rerun/experiment.ts";
import { exportSite } from "../../lib/report/site.ts";
import {
  browserTest,
  chromiumPath,
  complaints,
  coveringTools,
  launch,
  newPage,
  violations,
} from "./browser.ts";
import { codeCell, markdownCell, notebookFile } from "./sample_notebook.ts";

const SHOTS = ".cache/report";
const WIDE = { viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" } as const;

/** What ends no series, however slow the machine. */
const PATIENT = { longestRun: 1e9, budget: 1e6 };
/** Sizes that a program on the processor computes at once. */
const SMALL = {
  linear_cross_entropy: { settings: { v: 1000, d: 48, seed: 0 }, steps: [16, 64], ...PATIENT },
  differential_attention: { settings: { heads: 2, d: 16, seed: 0 }, steps: [16, 48], ...PATIENT },
};
type Name = keyof typeof SMALL;

let directory = "";
let browser: Browser;

Deno.test.beforeAll(async () => {
  if (!chromiumPath) return;
  directory = await Deno.makeTempDir({ prefix: "cutloss-rerun-" });
  const names = Object.keys(SMALL) as Name[];
  const notebook = (name: Name) =>
    notebookFile([
      markdownCell(`# Reruns ${name}`),
      { ...markdownCell("## On your own device"), metadata: { tags: [`rerun:${name}`] } },
      codeCell("const after = 1;"),
    ]);
  await exportSite(names.map((name) => ({ name, notebook: notebook(name) })), directory);
  for (const name of names) {
    const path = join(directory, `${name}.html`), html = await Deno.readTextFile(path);
    const small = html.replace(/(-plan">)([^<]+)(<\/script>)/, (_, before, json, after) => {
      return before + JSON.stringify({ ...JSON.parse(json), ...SMALL[name] }) + after;
    });
    assert(small !== html);
    await Deno.writeTextFile(path, small);
  }
  browser = await launch("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader");
  await Deno.mkdir(SHOTS, { recursive: true });
});

Deno.test.afterAll(async () => {
  await browser?.close();
  if (directory) await Deno.remove(directory, { recursive: true });
});

/** Opens a page from disk, after `prepare` has run in it. */
async function withPage(
  name: Name,
  options: BrowserContextOptions,
  look: (page: Page) => Promise<void>,
  prepare?: () => void,
): Promise<string[]> {
  const context = await browser.newContext(options);
  try {
    const page = await newPage(context);
    const found = complaints(page);
    if (prepare) await page.addInitScript(prepare);
    await page.goto(pathToFileURL(join(directory, `${name}.html`)).href);
    await look(page);
    return found;
  } finally {
    await context.close();
  }
}

const start = (page: Page) => page.getByRole("button", { name: "Run on this device" });
const status = (page: Page) => page.locator(".rerun-status").innerText();
const ended = (page: Page) => page.getByRole("button", { name: "Run again" }).waitFor();

/** Does something in the page as soon as the first measurement is shown, while the others go on. */
function atFirstResult(page: Page, action: () => void): Promise<void> {
  return page.evaluate((action) => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector(".rerun tbody tr")) return;
      observer.disconnect();
      (0, eval)(`(${action})()`);
    });
    observer.observe(document.body, { childList: true, subtree: true });
  }, String(action));
}

async function savedReport(page: Page): Promise<Report & { browser: string }> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Save these results as JSON" }).click(),
  ]);
  assert(/^cutloss-\w+-google-swiftshader\.json$/.test(download.suggestedFilename()));
  return JSON.parse(await Deno.readTextFile(await download.path()));
}

/** The plan that a page holds. */
async function planOf(name: Name): Promise<Plan> {
  const html = await Deno.readTextFile(join(directory, `${name}.html`));
  return JSON.parse(/-plan">(\{[^<]+)</.exec(html)![1]);
}

/** Runs an experiment in the page and in Deno, and compares all but times. */
async function compare(name: Name, page: Page): Promise<void> {
  await ended(page);
  assertStringIncludes(await status(page), "Finished");
  const here = await savedReport(page);
  const { run } = await import(`../../lib/report/rerun/${name}.ts`);
  const there: Report = await run(await planOf(name), { memoryLimit: here.memoryLimit });
  assertEquals(here.failure, undefined);
  assertEquals(here.checks.map(({ series, what }) => `${series}: ${what}`).length > 5, true);
  assertEquals(
    here.checks.map(({ series, what }) => [series, what]),
    there.checks.map(({ series, what }) => [series, what]),
  );
  for (const { series, what, error, tolerance } of [...here.checks, ...there.checks]) {
    assert(error <= tolerance, `${series}, ${what}: ${error}`);
  }
  // Where a kernel may have few buffers, differential attention takes another way.
  const same = here.note === there.note;
  const shape = ({ points }: Report) =>
    points.map(({ series, x, peakBytes }) => [
      ...[series, x],
      same || series === "ordinary" ? peakBytes : peakBytes > 0,
    ]);
  assertEquals(shape(here), shape(there));
  here.points.forEach(({ value, ms }, i) => {
    // Two adapters sum in different orders and have their own exp.
    const expected = there.points[i].value;
    assert(Math.abs(value - expected) <= 1e-5 * Math.abs(expected), `${value}, ${expected}`);
    assert(ms > 0);
  });
  assertStringIncludes(here.browser, "Chrome");
  assertEquals(here.adapter?.software, true);
}

browserTest("the loss rerun in Chromium has Deno's values, and the page shows them", async () => {
  const found = await withPage("linear_cross_entropy", WIDE, async (page) => {
    await start(page).focus();
    await page.keyboard.press("Enter");
    const stop = page.getByRole("button", { name: "Stop" });
    await stop.waitFor();
    assert(await stop.evaluate((button) => button === document.activeElement));
    await compare("linear_cross_entropy", page);
    const panel = page.locator(".rerun");
    assertStringIncludes(await panel.locator(".rerun-facts").innerText(), "google swiftshader");
    assertEquals(await panel.locator("tbody tr").count(), 4 * 2);
    // Four ways in two panels, stored and measured here.
    await page.waitForFunction(() =>
      document.querySelectorAll(".rerun .live .scatterlayer .trace").length === 16
    );
    assert(/cut, filtered” takes [\d.]+ × the time/.test(await panel.innerText()));
    assertEquals(await coveringTools(page), []);
    assertEquals(await violations(page), []);
    await panel.screenshot({ path: join(SHOTS, "rerun-light.png") });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.waitForFunction(() =>
      document.querySelector<HTMLElement>(".rerun .live")?.dataset.drawn === "dark"
    );
    assertEquals(await violations(page), []);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.waitForFunction(() =>
      Number(document.querySelector(".rerun .main-svg")?.getAttribute("width")) < 360
    );
    assertEquals(await coveringTools(page), []);
    assertEquals(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    assertEquals(await violations(page), []);
    await panel.screenshot({ path: join(SHOTS, "rerun-phone-dark.png") });
  });
  assertEquals(found, []);
});

browserTest("both kinds of attention rerun in Chromium have Deno's values", async () => {
  const found = await withPage("differential_attention", WIDE, async (page) => {
    await start(page).click();
    await compare("differential_attention", page);
  });
  assertEquals(found, []);
});

browserTest(
  "a run can be stopped, keeps what it has measured, and can be begun again",
  async () => {
    await withPage("linear_cross_entropy", WIDE, async (page) => {
      const stop = () => document.querySelector<HTMLElement>(".rerun-stop")!.click();
      await atFirstResult(page, stop);
      await start(page).click();
      await ended(page);
      assertStringIncludes(await status(page), "Stopped.");
      const { outcome, points } = await savedReport(page);
      assertEquals(outcome, "stopped");
      assert(points.length >= 1 && points.length < 8, `${points.length} points`);
      await page.getByRole("button", { name: "Run again" }).evaluate((button) => {
        (button as HTMLElement).click();
        document.querySelector<HTMLElement>(".rerun-stop")!.click();
      });
      await ended(page);
      assertStringIncludes(await status(page), "Stopped.");
    });
  },
);

browserTest("without WebGPU the page says what to do and stays whole", async () => {
  const found = await withPage("linear_cross_entropy", WIDE, async (page) => {
    await start(page).click();
    const text = await status(page);
    assertStringIncludes(text, "This browser offers no WebGPU");
    assertStringIncludes(text, "python3 -m http.server");
    await page.locator("details.code > summary").click();
    assert(await page.locator("details.code pre").isVisible());
    assertEquals(await violations(page), []);
  }, () => Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined }));
  assertEquals(found, []);
});

browserTest("without an adapter the page says what to do", async () => {
  await withPage("linear_cross_entropy", WIDE, async (page) => {
    await start(page).click();
    await ended(page);
    assertStringIncludes(await status(page), "chrome://gpu");
  }, () => GPU.prototype.requestAdapter = () => Promise.resolve(null));
});

browserTest("a device that is lost ends the run, not the page", async () => {
  await withPage("linear_cross_entropy", WIDE, async (page) => {
    await atFirstResult(page, () => (globalThis as unknown as { lose(): void }).lose());
    await start(page).click();
    await ended(page);
    assertStringIncludes(await status(page), "The GPU device is gone");
    const { outcome, failure, points } = await savedReport(page);
    assertEquals([outcome, failure?.kind], ["failed", "lost"]);
    assert(points.length >= 1);
  }, () => {
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...args) {
      const device = await request.apply(this, args);
      Object.assign(globalThis, { lose: () => device.destroy() });
      return device;
    };
  });
});

browserTest("a device that computes wrongly is found out before anything is measured", async () => {
  await withPage("linear_cross_entropy", WIDE, async (page) => {
    await start(page).click();
    await ended(page);
    assertStringIncludes(await status(page), "is off by");
    const { failure, points } = await savedReport(page);
    assertEquals([failure?.kind, points.length], ["wrong", 0]);
  }, () => {
    const make = GPUDevice.prototype.createShaderModule;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      const code = descriptor.code.replace(/\bexp\(/g, "0.9 * exp(");
      return make.call(this, { ...descriptor, code });
    };
  });
});
