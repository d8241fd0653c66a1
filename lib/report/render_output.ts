import {
  type DataTable,
  type OutputMetadata,
  outputMetadata,
  PLOTLY_MIME,
} from "../notebook/outputs.ts";
import { ansiToHtml } from "./ansi.ts";
import { csvLink, figureHtml } from "./figure.ts";
import { dataTableHtml } from "./data_table.ts";
import { type Html, markup, rawHtml } from "./html.ts";
import { joinText, type MimeBundle, type NotebookOutput } from "./nbformat.ts";
import type { PageContext } from "./page_context.ts";
import { type PlotlyFigure, plotlyTable } from "./plotly_table.ts";
import { resultList } from "./result_list.ts";
import { sanitizeHtml } from "./sanitize.ts";

/** Lines of a stream that stand on the page; longer ones scroll in a box. */
const SHOWN_LINES = 24;

/** Joins neighbouring pieces of one stream: kernels send a line at a time. */
export function joinStreams(outputs: readonly NotebookOutput[]): NotebookOutput[] {
  const joined: NotebookOutput[] = [];
  for (const output of outputs) {
    const last = joined.at(-1);
    if (
      output.output_type === "stream" && last?.output_type === "stream" && last.name === output.name
    ) {
      joined[joined.length - 1] = { ...last, text: joinText(last.text) + joinText(output.text) };
    } else {
      joined.push(output);
    }
  }
  return joined;
}

/** An output of a code cell as HTML. */
export function outputHtml(output: NotebookOutput, page: PageContext): Html {
  if (output.output_type === "stream") return streamHtml(output);
  if (output.output_type === "error") return errorHtml(output);
  const data = output.data ?? {};
  return cutlossHtml(outputMetadata(output), data, page) ?? bundleHtml(data, output, page);
}

function streamHtml(output: NotebookOutput): Html {
  const text = joinText(output.text).replace(/\n+$/, "");
  if (text === "") return markup``;
  const long = text.split("\n").length > SHOWN_LINES ? " long" : "";
  const kind = output.name === "stderr" ? " stderr" : "";
  return markup`
    <pre class="stream${kind}${long}" tabindex="0">${rawHtml(ansiToHtml(text))}</pre>
  `;
}

function errorHtml(output: NotebookOutput): Html {
  const trace = (output.traceback ?? []).join("\n") || `${output.ename}: ${output.evalue}`;
  return markup`
    <div class="error">
      <p class="label">${output.ename || "Error"}: ${output.evalue}</p>
      <pre tabindex="0">${rawHtml(ansiToHtml(trace))}</pre>
    </div>
  `;
}

/** Outputs that Cutloss made, by their metadata; undefined for others. */
function cutlossHtml(
  metadata: OutputMetadata | undefined,
  data: MimeBundle,
  page: PageContext,
): Html | undefined {
  switch (metadata?.kind) {
    case "figure":
    case "live-plot":
      return figureHtml({
        ...metadata,
        svg: joinText(data["image/svg+xml"]) || undefined,
        plotly: data[PLOTLY_MIME] as PlotlyFigure | undefined,
      }, page);
    case "table":
      return captionedTable(metadata.table, metadata.caption, metadata.id, data, page);
    case "provenance": {
      const caption = rawHtml(page.markdown.renderInline(metadata.caption));
      return markup`
        <section class="provenance" aria-label="Provenance">
        ${metadata.caption && markup`<p>${caption}</p>`}
        ${dataTableHtml(metadata.table, "Where these numbers were made")}
        </section>
      `;
    }
    case "result":
      return markup`
        <section class="result" aria-label="Main result">
        <p class="label">Main result</p>
        ${resultList(metadata.values)}
        </section>
      `;
    case "caption":
      return markup``; // the figure has brought it along
    case "progress": {
      const { label, done, total, seconds, finished } = metadata;
      const count = finished && done === total ? `${total}` : `${done} of ${total}`;
      const time = `${seconds.toFixed(1)} s${finished ? "" : " · stopped"}`;
      return markup`<p class="progress-line">${label} · ${count} · ${time}</p>\n`;
    }
  }
}

function captionedTable(
  table: DataTable,
  caption: string,
  id: string,
  data: MimeBundle,
  page: PageContext,
): Html {
  const number = ++page.tables;
  const file = `table-${number}`;
  const title = `Table ${number}`;
  // The author's own formatting, where there is some, rather than ours.
  const formatted = joinText(data["text/html"]);
  const body = formatted
    ? rawHtml(sanitizeHtml(formatted.replace(/<caption[^]*?<\/caption>/i, "")))
    : dataTableHtml(table, title);
  const text = rawHtml(page.markdown.renderInline(caption));
  const place = page.uniqueId(id || file);
  return markup`
    <figure class="table" id="${place}">
    <figcaption><a class="label" href="#${place}">${title}</a> ${text}</figcaption>
    ${body}
    <div class="data">${csvLink(table, title, file, page)}</div>
    </figure>
  `;
}

/** The richest form of an output that a page can show. */
function bundleHtml(data: MimeBundle, output: NotebookOutput, page: PageContext): Html {
  const plotly = data[PLOTLY_MIME] as PlotlyFigure | undefined;
  const svg = joinText(data["image/svg+xml"]);
  const image = imageUri(data);
  if (plotly) {
    return figureHtml({
      id: "",
      caption: "",
      alt: joinText(data["text/plain"]),
      image: svg ? svgUri(svg) : image,
      plotly,
      table: plotlyTable(plotly),
    }, page);
  }
  const picture = svg ? svgUri(svg) : image;
  if (picture) {
    const alt = joinText(data["text/plain"]) || "Output picture";
    const sizes = Object.values(output.metadata ?? {}) as { width?: number }[];
    const width = sizes.find((size) => typeof size?.width === "number")?.width;
    return markup`
      <p class="picture"><img src="${picture}" alt="${alt}"${
      width !== undefined && markup`
        width="${width}"
      `
    } loading="lazy"></p>
    `;
  }
  const text = joinText(data["text/html"]);
  if (text) return markup`<div class="html-output">${rawHtml(sanitizeHtml(text))}</div>\n`;
  const words = joinText(data["text/markdown"]) || joinText(data["text/latex"]);
  if (words) return rawHtml(`<div class="prose">${page.markdown.render(words)}</div>\n`);
  if (data["application/json"] !== undefined) {
    const json = JSON.stringify(data["application/json"], null, 2);
    return markup`<pre class="stream" tabindex="0">${json}</pre>\n`;
  }
  const plain = joinText(data["text/plain"]);
  return plain === "" ? markup`` : streamHtml({ output_type: "stream", text: plain });
}

/** SVG of unknown making, as a picture: nothing in it runs there. */
function svgUri(svg: string): string {
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function imageUri(data: MimeBundle): string | undefined {
  for (const mime of ["image/png", "image/jpeg", "image/gif", "image/webp"]) {
    const base64 = joinText(data[mime]).replace(/\s/g, "");
    if (base64) return `data:${mime};base64,${base64}`;
  }
}
