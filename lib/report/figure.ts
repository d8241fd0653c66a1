import type { DataTable } from "../notebook/outputs.ts";
import { adaptSvgColours } from "./colours.ts";
import { dataTableHtml, toCsv } from "./data_table.ts";
import { type Html, jsonScript, markup, rawHtml } from "./html.ts";
import type { PageContext } from "./page_context.ts";
import type { PlotlyFigure } from "./plotly_table.ts";
import { inlineSvg } from "./sanitize.ts";

/** What a figure on a page is made of; one of `svg`, `image` and `plotly` at least. */
export interface FigureContent {
  id: string;
  /** Markdown. */
  caption: string;
  /** Plain text for those who cannot see the figure; the caption stands in for an empty one. */
  alt: string;
  /** Shown at once, and where there is no JavaScript. */
  svg?: string;
  /** A picture as a `data:` address, for figures without SVG. */
  image?: string;
  /** Replaces the picture when the figure comes near the window. */
  plotly?: PlotlyFigure;
  table?: DataTable;
  width?: number;
  height?: number;
}

/**
 * A numbered figure: the static picture, the data of the interactive one, caption, and its numbers
 * as a table and a CSV file.
 */
export function figureHtml(content: FigureContent, page: PageContext): Html {
  const number = ++page.figures;
  const id = page.uniqueId(content.id || `figure-${number}`);
  const alt = content.alt || content.caption || `Figure ${number}`;
  const width = content.width ?? 720, height = content.height ?? 420;
  const svg = content.svg && adaptSvgColours(inlineSvg(content.svg, id));
  const picture = svg
    ? markup`<div class="still" role="img" aria-label="${alt}">${rawHtml(svg)}</div>`
    : content.image
    ? markup`<div class="still"><img src="${content.image}" alt="${alt}" width="${width}"></div>`
    : markup`<div class="still empty"><noscript>This figure needs JavaScript.</noscript></div>`;
  const interactive = content.plotly && markup`<div class="live" role="group" aria-label="${alt}"
    data-plot="${id}-plot" data-width="${width}" data-height="${height}" hidden></div>
    ${
    jsonScript(`${id}-plot`, { data: content.plotly.data, layout: content.plotly.layout ?? {} })
  }`;
  const caption = rawHtml(page.markdown.renderInline(content.caption));
  const data = content.table &&
    dataDetails(content.table, `Data of figure ${number}`, `figure-${number}`, page);
  return markup`
    <figure class="figure" id="${id}">
    ${picture}
    ${interactive}
    <figcaption><a class="label" href="#${id}">Figure ${number}</a> ${caption}</figcaption>
    ${data}
    </figure>
  `;
}

/** "Show data": a table folded away, and a link to the same as CSV. */
export function dataDetails(
  table: DataTable,
  title: string,
  file: string,
  page: PageContext,
): Html {
  const link = csvLink(table, title, file, page);
  return markup`<div class="data"><details><summary>Show data</summary>${
    dataTableHtml(table, title)
  }</details>${link}</div>`;
}

/** A link to a table as a CSV file of the site. */
export function csvLink(table: DataTable, title: string, file: string, page: PageContext): Html {
  const path = `data/${page.name}-${file}.csv`;
  page.files.set(path, toCsv(table));
  return markup`<a class="csv" href="${path}" download aria-label="${title} as CSV">CSV</a>`;
}
