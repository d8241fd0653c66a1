import { join } from "node:path";
import { bundleForBrowser } from "./bundle.ts";
import { packageFile, packageLicences, type PackageName } from "./packages.ts";

const SERIF = "@fontsource-variable/source-serif-4";
const INTER = "@fontsource-variable/inter";

/** Fonts of the pages, Latin and Greek: names in `assets/fonts` and where they come from. */
const FONTS: [file: string, packageName: PackageName][] = [
  ["source-serif-4-latin-wght-normal.woff2", SERIF],
  ["source-serif-4-latin-wght-italic.woff2", SERIF],
  ["source-serif-4-greek-wght-normal.woff2", SERIF],
  ["inter-latin-wght-normal.woff2", INTER],
  ["inter-greek-wght-normal.woff2", INTER],
];

/** Style sheets, in the order in which they are joined. */
const STYLES = ["page", "text", "code", "tables", "figures", "rerun", "print"];

/**
 * Writes what the pages of a site share: style sheet, script, fonts, KaTeX's style sheet with its
 * fonts, one copy of plotly.js, and the licences of these packages, which ask to go with each copy.
 */
export async function writeAssets(directory: string): Promise<void> {
  for (const part of ["fonts", "katex/fonts", "licences"]) {
    await Deno.mkdir(join(directory, part), { recursive: true });
  }
  const own = (path: string) => new URL(path, import.meta.url);
  const styles = await Promise.all(
    STYLES.map((name) => Deno.readTextFile(own(`assets/${name}.css`))),
  );
  await Deno.writeTextFile(join(directory, "report.css"), styles.join("\n"));
  await Deno.writeTextFile(
    join(directory, "report.js"),
    await bundleForBrowser(own("page/main.ts")),
  );
  // Read and written rather than copied: files of a package cache may be links or read-only.
  const copy = async (from: string, to: string) =>
    await Deno.writeFile(join(directory, to), await Deno.readFile(from));
  for (const [file, name] of FONTS) {
    await copy(packageFile(name, `files/${file}`), `fonts/${file}`);
  }
  for (const { name, path } of packageLicences()) await copy(packageFile(name, "LICENSE"), path);
  await copy(packageFile("plotly.js-dist-min", "plotly.min.js"), "plotly.min.js");
  const katexFonts = packageFile("katex", "dist/fonts");
  for await (const { name } of Deno.readDir(katexFonts)) {
    if (!name.endsWith(".woff2")) continue;
    await copy(join(katexFonts, name), `katex/fonts/${name}`);
  }
  // Every browser with WebGPU reads woff2: the older formats need not be offered.
  const css = await Deno.readTextFile(packageFile("katex", "dist/katex.min.css"));
  await Deno.writeTextFile(
    join(directory, "katex/katex.min.css"),
    css.replace(/,url\(fonts\/[\w-]+\.(?:woff|ttf)\) format\("\w+"\)/g, ""),
  );
}

/**
 * Writes experiments of lib/report/rerun as scripts that define the global `cutlossExperiment`, and
 * the script of the boxes from which they are run.
 */
export async function writeExperiments(names: Iterable<string>, directory: string): Promise<void> {
  const write = async (entry: string, to: string, globalName?: string) => {
    const script = await bundleForBrowser(new URL(entry, import.meta.url), { globalName });
    await Deno.writeTextFile(join(directory, to), script);
  };
  for (const name of names) {
    await Deno.mkdir(join(directory, "rerun"), { recursive: true });
    await write("page/rerun.ts", "rerun.js");
    await write(`rerun/${name}.ts`, `rerun/${name}.js`, "cutlossExperiment");
  }
}
