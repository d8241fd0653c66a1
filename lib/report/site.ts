import { join } from "node:path";
import { writeAssets, writeExperiments } from "./assets.ts";
import { describeNotebook, type NotebookDescription } from "./describe.ts";
import { indexPage } from "./index_page.ts";
import type { NotebookFile } from "./nbformat.ts";
import { numbersPage } from "./numbers_page.ts";
import { exportNotebook } from "./page.ts";
import { type PictureFile, pictureFile } from "./picture.ts";
import { rerunPlans } from "./rerun_plan.ts";
import { notebookScript } from "./script.ts";

/** An executed notebook and its name. */
export interface NamedNotebook {
  /** File name without extension, such as "06-cut-cross-entropy". */
  name: string;
  notebook: NotebookFile;
}

/** What `exportSite` wrote. */
export interface ExportedSite {
  /** Path of the first page. */
  index: string;
  /** What each notebook found, in the order of the pages. */
  notebooks: NotebookDescription[];
}

/**
 * Writes a site: an index, a page a notebook, a page on how the numbers were made, the notebooks
 * themselves and their code, the figures' data as CSV, and everything that the pages need. Nothing in it reaches
 * for a network or fetches files, so that it can be opened from disk.
 *
 * Pages of an earlier export are overwritten; pages of notebooks that are not given now stay.
 */
export async function exportSite(
  executed: readonly NamedNotebook[],
  directory: string,
): Promise<ExportedSite> {
  const notebooks = executed.map(({ name, notebook }) => describeNotebook(notebook, name));
  const link = (i: number) =>
    notebooks[i] && { name: notebooks[i].name, title: notebooks[i].title };
  await writeAssets(join(directory, "assets"));
  const write = async (path: string, text: string) => {
    const whole = join(directory, path);
    await Deno.mkdir(join(whole, ".."), { recursive: true });
    await Deno.writeTextFile(whole, text);
  };
  const reruns = new Set<string>();
  for (const [i, { name, notebook }] of executed.entries()) {
    const plans = await rerunPlans(notebook, name);
    if (plans.size > 0) reruns.add(name);
    await writeExperiments(plans.keys(), join(directory, "assets"));
    const page = exportNotebook(notebook, {
      name,
      plans,
      previous: link(i - 1),
      next: link(i + 1),
    });
    await write(page.path, page.html);
    for (const [path, text] of page.files) await write(path, text);
    await write(`notebooks/${name}.ipynb`, JSON.stringify(notebook, null, 1) + "\n");
    await write(`notebooks/${name}.ts`, notebookScript(notebook));
  }
  const pictures = new Map<string, PictureFile>();
  for (const { name, picture } of notebooks) {
    if (!picture?.svg) continue;
    const file = pictureFile(picture.svg);
    pictures.set(name, file);
    await write(`pictures/${name}.svg`, file.text);
  }
  await write("how-these-numbers-were-made.html", numbersPage(notebooks, reruns));
  await write("index.html", indexPage(notebooks, pictures));
  return { index: join(directory, "index.html"), notebooks };
}
