import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM_FLAGS, CHROMIUM_MISSING, findChromium } from "../../lib/report/chromium.ts";

/** Where Chromium is, or undefined; says once why tests of pages are skipped. */
export const chromiumPath = await findChromium();
if (!chromiumPath) console.log(`Tests of pages in a browser are skipped. ${CHROMIUM_MISSING}`);

/** Starts a headless Chromium, with more flags if there are any. */
export function launch(...flags: string[]): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: [...CHROMIUM_FLAGS, ...flags] });
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
