/** What the notebooks hold as they are stored, for those who open them without running them. */
import { assert, assertEquals } from "@std/assert";
import { outputMetadata } from "../../lib/notebook/outputs.ts";
import {
  cellTags,
  joinText,
  type NotebookFile,
  type NotebookOutput,
  parseNotebook,
} from "../../lib/report/nbformat.ts";
import { usesGpu } from "../../lib/tasks/adapter.ts";

const FOLDER = new URL("../../notebooks/", import.meta.url);

const notebooks: [string, NotebookFile][] = [];
for (const name of [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort()) {
  if (!name.endsWith(".ipynb")) continue;
  notebooks.push([name, parseNotebook(Deno.readTextFileSync(new URL(name, FOLDER)), name)]);
}

/**
 * MIME types by preference where a notebook is shown without a kernel:
 *
 * - JupyterLab and Notebook 7: ranks of @jupyterlab/rendermime's factories.
 * - VS Code: orderOfMimeTypes in its extensions/ipynb/src/deserializers.ts; the first one needs the
 *   renderers that come with its Jupyter extension.
 * - GitHub: nbconvert's display_data_priority for HTML, by which GitHub chooses (nbviewer's issues 453
 *   and 1037 on GitHub tell of SVG before PNG, put into the page itself).
 */
const JUPYTER = ["text/html", "text/markdown", "image/svg+xml", "image/png", "text/plain"];
const VIEWERS: Record<string, string[]> = {
  "JupyterLab with Plotly's extension": ["application/vnd.plotly.v1+json", ...JUPYTER],
  "JupyterLab": JUPYTER,
  "VS Code": ["application/vnd.", "text/html", "text/markdown", "image/png", "image/svg+xml"],
  "VS Code without renderers": ["text/html", "text/markdown", "image/png", "image/svg+xml"],
  "GitHub": JUPYTER,
};

const FIGURE = /^(application\/vnd\.plotly\.v1\+json|image\/(svg\+xml|png))$/;

/** What a viewer shows of each kind of output, if it is as we want it. */
const WANTED: Record<string, RegExp> = {
  figure: FIGURE,
  "live-plot": FIGURE,
  table: /^text\/html$/,
  result: /^text\/html$/,
  provenance: /^text\/html$/,
  progress: /^text\/html$/,
  caption: /^text\/markdown$/,
};

function outputsOf(notebook: NotebookFile): NotebookOutput[] {
  return notebook.cells.flatMap((cell) => cell.outputs ?? []);
}

for (const [name, notebook] of notebooks) {
  Deno.test(`${name}: every viewer finds a picture of a figure and a table of a table`, () => {
    let figures = 0;
    for (const output of outputsOf(notebook)) {
      const kind = outputMetadata(output)?.kind;
      if (!kind) continue;
      if (kind === "figure") figures++;
      for (const [viewer, order] of Object.entries(VIEWERS)) {
        const mimes = Object.keys(output.data!);
        const choice = order.flatMap((wanted) =>
          mimes.filter((mime) => mime.startsWith(wanted))
        )[0];
        assert(WANTED[kind].test(choice), `${viewer} shows ${choice} of a ${kind}`);
      }
    }
    assert(figures > 0);
  });

  Deno.test(`${name}: no two pictures share an identifier, for GitHub puts them into one page`, () => {
    const owners = new Map<string, number>();
    outputsOf(notebook).forEach((output, index) => {
      const svg = joinText(output.data?.["image/svg+xml"]);
      for (const [, id] of svg.matchAll(/\sid="([^"]+)"/g)) {
        assertEquals(owners.get(id) ?? index, index, `${id} is in two pictures`);
        owners.set(id, index);
      }
    });
  });

  Deno.test(`${name}: it says when and on which machine its outputs were made`, () => {
    const metadata = outputsOf(notebook).map(outputMetadata)
      .find((metadata) => metadata?.kind === "provenance");
    assert(metadata?.kind === "provenance");
    const facts = metadata.provenance;
    assert(!Number.isNaN(Date.parse(String(facts.date))), `date is ${facts.date}`);
    assert(String(facts.system).length > 0 && Number(facts.processors) > 0);
    assert(["smoke", "laptop", "full"].includes(String(facts.scale)));
    assertEquals(typeof facts.seed, "number");
    if (usesGpu(notebook)) assertEquals(typeof facts.adapter, "string");
    const shown = new Set(metadata.table.rows.map(([what]) => what));
    assert(shown.has("System") && shown.has("Date"));
    assertEquals(shown.has("Adapter"), facts.adapter !== undefined);
  });

  Deno.test(`${name}: its first code cell is tagged parameters and sets scale and seed`, () => {
    const [first] = notebook.cells.filter((cell) => cell.cell_type === "code");
    assert(cellTags(first).includes("parameters"));
    const source = joinText(first.source);
    assert(/\bparameters\b.*\bscale\?:.*\bseed\?:/s.test(source), source);
  });

  Deno.test(`${name}: all its code cells ran, in order, without an error`, () => {
    const cells = notebook.cells.filter((cell) => cell.cell_type === "code");
    assertEquals(cells.map((cell) => cell.execution_count), cells.map((_, i) => i + 1));
    assertEquals(outputsOf(notebook).filter((output) => output.output_type === "error"), []);
  });
}
