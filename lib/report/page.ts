import { formatDuration } from "../notebook/format_number.ts";
import { codeCellHtml } from "./code_cell.ts";
import {
  describeNotebook,
  inlineMarkdown,
  type NotebookDescription,
  plainText,
} from "./describe.ts";
import { type Html, markup, rawHtml } from "./html.ts";
import { pageHtml } from "./layout.ts";
import type { Heading } from "./markdown.ts";
import { cellTags, joinText, type NotebookCell, type NotebookFile } from "./nbformat.ts";
import { type PageContext, pageContext } from "./page_context.ts";
import type { Plan } from "./rerun/experiment.ts";
import { rerunPanel } from "./rerun_panel.ts";
import { experimentOf } from "./rerun_plan.ts";
import { markCells } from "./table_cells.ts";

/** A page beside this one. */
export interface PageLink {
  /** File name without extension. */
  name: string;
  title: string;
}

/** Where a page stands in its site. */
export interface PageOptions {
  /** The notebook's file name without extension, such as "06-cut-cross-entropy". */
  name: string;
  previous?: PageLink;
  next?: PageLink;
  /** Plans of the experiments that the notebook asks for: see `rerunPlans`. */
  plans?: ReadonlyMap<string, Plan>;
}

/** A notebook as a page. */
export interface NotebookPage {
  /** The page's file name in the site. */
  path: string;
  html: string;
  description: NotebookDescription;
  /** Other files of the page, by their path in the site: its data as CSV. */
  files: Map<string, string>;
}

/**
 * Makes the page of an executed notebook. It expects the site's `assets` beside it and the notebook
 * at `notebooks/NAME.ipynb`; `exportSite` puts them there. Cells tagged `remove-cell` are left out;
 * after one tagged `rerun:EXPERIMENT` stands a box that runs lib/report/rerun/EXPERIMENT.ts.
 */
export function exportNotebook(notebook: NotebookFile, options: PageOptions): NotebookPage {
  const { name } = options;
  const description = describeNotebook(notebook, name);
  const page = pageContext(name);
  const cells = notebook.cells.filter((cell) => !cellTags(cell).includes("remove-cell"));
  const parts = cells.map((cell) => {
    const plan = options.plans?.get(experimentOf(cell) ?? "");
    return markup`${cellHtml(cell, page)}${plan && rerunPanel(plan, page)}`;
  });
  // The page writes the notebook's title itself, above what it says about the run.
  const text = markCells(
    parts.map((part) => part.text).join("").replace(/<h1 [^]*?<\/h1>\n?/, "")
      // A corner of a table that heads nothing is no heading.
      .replace(/<th\b[^>]*>\s*<\/th>/g, "<td></td>"),
  );
  const headings = page.markdown.headings.filter(({ level }) => level === 2 || level === 3);
  const body = markup`<article>
${titleBlock(description)}
${rawHtml(text)}
${neighbours(options)}
</article>`;
  return {
    path: `${name}.html`,
    description,
    files: page.files,
    html: pageHtml({
      title: `${plainText(description.title)} – Cutloss`,
      description: plainText(description.summary),
      contents: headings.length > 0 ? contentsList(headings) : undefined,
      body,
      math: text.includes('class="katex'),
      rerun: text.includes('class="rerun"'),
    }),
  };
}

function cellHtml(cell: NotebookCell, page: PageContext): Html {
  if (cell.cell_type === "code") return codeCellHtml(cell, page);
  if (cell.cell_type === "raw") return markup``;
  const text = page.markdown.render(joinText(cell.source), cell.attachments);
  return rawHtml(`<div class="prose">${text}</div>\n`);
}

function titleBlock(description: NotebookDescription): Html {
  const { name, number, title, run } = description;
  const facts = [
    run.scale && `scale ${run.scale}`,
    run.seed !== undefined && `seed ${run.seed}`,
    run.executed && `executed ${run.executed.slice(0, 10)}`,
    run.seconds !== undefined && `in ${formatDuration(run.seconds).replaceAll(" ", "\u00a0")}`,
  ].filter(Boolean).join(", ");
  return markup`
    <header class="title-block">
    ${number && markup`<p class="kicker">Notebook ${number}</p>`}
    <h1>${rawHtml(inlineMarkdown(title))}</h1>
    <div class="facts">${
    facts && markup`<a href="how-these-numbers-were-made.html#${name}">${facts}</a>`
  }
    <a href="notebooks/${name}.ipynb" download>Notebook</a>
    <a href="notebooks/${name}.ts" download>Source</a>
    <button type="button" class="unfold-all" hidden>Show all code</button>
    </div>
    </header>
  `;
}

function contentsList(headings: Heading[]): Html {
  // A link inside a heading would stand inside the list's own link.
  const text = (heading: Heading) => rawHtml(heading.html.replace(/<\/?a\b[^>]*>/g, ""));
  const items = headings.map((heading) =>
    markup`<li class="level-${heading.level}"><a href="#${heading.id}">${text(heading)}</a></li>\n`
  );
  return markup`
    <nav class="contents" aria-label="Contents"><details open>
    <summary>Contents</summary>
    <ol>${items}</ol>
    </details></nav>
  `;
}

function neighbours({ previous, next }: PageOptions): Html | false {
  if (!previous && !next) return false;
  const link = (page: PageLink, relation: string, label: string) =>
    markup`<a rel="${relation}" href="${page.name}.html"><span>${label}</span> ${
      rawHtml(inlineMarkdown(page.title))
    }</a>`;
  return markup`<nav class="neighbours" aria-label="Neighbouring notebooks">${
    previous && link(previous, "prev", "Previous")
  }${next && link(next, "next", "Next")}</nav>`;
}
