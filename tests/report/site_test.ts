import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { writeAssets } from "../../lib/report/assets.ts";
import { indexPage } from "../../lib/report/index_page.ts";
import { parseNotebook } from "../../lib/report/nbformat.ts";
import { numbersPage } from "../../lib/report/numbers_page.ts";
import { exportNotebook } from "../../lib/report/page.ts";
import { exportSite } from "../../lib/report/site.ts";
import { sampleNotebook } from "./sample_notebook.ts";

async function filesBelow(directory: string, prefix = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(directory, prefix))) {
    const path = prefix + name;
    if (isDirectory) files.push(...await filesBelow(directory, `${path}/`));
    else files.push(path);
  }
  return files.sort();
}

Deno.test("a site has all that its pages refer to, and one copy of plotly.js", async () => {
  const directory = await Deno.makeTempDir({ prefix: "cutloss-site-" });
  try {
    const notebook = sampleNotebook();
    const { index, notebooks } = await exportSite([
      { name: "01-sample", notebook },
      { name: "06-cut-cross-entropy", notebook },
    ], directory);
    assertEquals(index, join(directory, "index.html"));
    assertEquals(notebooks.map(({ number }) => number), ["01", "06"]);

    const files = await filesBelow(directory);
    assertEquals(files.filter((file) => file.endsWith("plotly.min.js")).length, 1);
    const refers = /(?:\s(?:src|href)="|url\()([^")#]+)/g;
    for (const file of files.filter((name) => /\.(html|css)$/.test(name))) {
      const text = await Deno.readTextFile(join(directory, file));
      assert(!/type="module"|\bfetch\(/.test(text), `${file} would not work from disk`);
      for (const [, target] of text.matchAll(refers)) {
        // The sample links to a page of its site; "data:" needs no file.
        if (target.startsWith("data:")) continue;
        const path = join(file, "..", target);
        assert(files.includes(path), `${file} refers to ${path}`);
      }
    }
    const copy = await Deno.readTextFile(join(directory, "notebooks/01-sample.ipynb"));
    assertEquals(parseNotebook(copy, "copy").cells.length, notebook.cells.length);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** Folders of the packages whose files are read while something runs, by the packages' names. */
async function packagesReadBy(run: () => Promise<void>): Promise<Map<string, string>> {
  const readers = ["readFile", "readTextFile", "copyFile", "open"] as const;
  const originals = Object.fromEntries(readers.map((name) => [name, Deno[name]]));
  const read = new Set<string>();
  for (const [name, original] of Object.entries(originals)) {
    const reader = (path: string | URL, ...rest: unknown[]) => {
      read.add(path instanceof URL ? fileURLToPath(path) : path);
      return (original as (...args: unknown[]) => unknown)(path, ...rest);
    };
    Object.assign(Deno, { [name]: reader });
  }
  try {
    await run();
  } finally {
    Object.assign(Deno, originals);
  }
  const packages = new Map<string, string>();
  for (const path of read) {
    // The nearest folder above that is a package; our own files lie in none.
    for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
      try {
        const { name } = JSON.parse(Deno.readTextFileSync(join(folder, "package.json")));
        packages.set(name, folder);
        break;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }
  return packages;
}

Deno.test("each package that a site has files of has its licence there, and a link to it", async () => {
  const directory = await Deno.makeTempDir({ prefix: "cutloss-licences-" });
  try {
    const packages = await packagesReadBy(() => writeAssets(join(directory, "assets")));
    for (const name of ["katex", "plotly.js-dist-min", "@fontsource-variable/inter"]) {
      assert(packages.has(name), `${name} was not seen among ${[...packages.keys()]}`);
    }
    const page = numbersPage([]);
    const section = page.slice(page.indexOf('<h2 id="licences">'));
    const texts = new Map<string, string>();
    for (
      const [, path, licence] of section.matchAll(/href="(assets\/licences\/[^"]+)"[^>]*>([^<]+)/g)
    ) {
      texts.set(await Deno.readTextFile(join(directory, path)), licence);
    }
    for (const [name, folder] of packages) {
      const { license } = JSON.parse(Deno.readTextFileSync(join(folder, "package.json")));
      const text = Deno.readTextFileSync(join(folder, "LICENSE"));
      assertEquals(texts.get(text), license, `licence of ${name}`);
    }
    assertEquals(texts.size, packages.size, "and no others");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the foot of each page leads to the licences of what it uses", () => {
  const { html } = exportNotebook(sampleNotebook(), { name: "06-cut-cross-entropy" });
  for (const page of [html, indexPage([], new Map()), numbersPage([])]) {
    const footer = /<footer[^]*<\/footer>/.exec(page)![0];
    const [, file, id] = /href="([\w-]+\.html)#([^"]+)">Licences of/.exec(footer)!;
    assertEquals(file, "how-these-numbers-were-made.html");
    assertStringIncludes(numbersPage([]), ` id="${id}"`);
  }
});
