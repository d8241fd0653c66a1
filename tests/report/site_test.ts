import { join } from "node:path";
import { assert, assertEquals } from "@std/assert";
import { parseNotebook } from "../../lib/report/nbformat.ts";
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
