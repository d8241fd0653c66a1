import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { CHROMIUM_FLAGS, CHROMIUM_MISSING, findChromium } from "./chromium.ts";

/**
 * Prints every page of a site to a PDF file beside it, by an installed Chromium.
 *
 * @returns The paths of the files written.
 * @throws {Error} If there is no Chromium, or it prints nothing; the message says which page.
 */
export async function printPdf(directory: string): Promise<string[]> {
  const chromium = await findChromium();
  if (!chromium) throw new Error(CHROMIUM_MISSING);
  const pages: string[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (name.endsWith(".html")) pages.push(name);
  }
  // A profile of its own, so that a running browser is left alone.
  const profile = await Deno.makeTempDir({ prefix: "cutloss-pdf-" });
  const written: string[] = [];
  try {
    for (const page of pages.sort()) {
      const output = join(directory, `${basename(page, ".html")}.pdf`);
      await printPage(chromium, profile, join(directory, page), output);
      written.push(output);
    }
  } finally {
    await Deno.remove(profile, { recursive: true }).catch(() => {});
  }
  return written;
}

async function printPage(
  chromium: string,
  profile: string,
  page: string,
  output: string,
): Promise<void> {
  await Deno.remove(output).catch(() => {});
  const result = await new Deno.Command(chromium, {
    args: [
      "--headless",
      ...CHROMIUM_FLAGS,
      `--user-data-dir=${profile}`,
      "--no-pdf-header-footer",
      `--print-to-pdf=${output}`,
      pathToFileURL(page).href,
    ],
    stdout: "null",
    stderr: "piped",
  }).output();
  const size = await Deno.stat(output).then((file) => file.size, () => 0);
  if (size > 0) return;
  const reason = new TextDecoder().decode(result.stderr).trim().split("\n").at(-1) ?? "";
  throw new Error(`${chromium} did not print ${page} (exit code ${result.code}): ${reason}`);
}
