import { adaptSvgColours } from "./colours.ts";
import { inlineMarkdown, type NotebookDescription } from "./describe.ts";
import { type Html, markup, rawHtml } from "./html.ts";
import { pageHtml } from "./layout.ts";
import { resultList } from "./result_list.ts";
import { inlineSvg } from "./sanitize.ts";

const LEAD =
  "Language models from the tokenizer to the loss, rebuilt as notebooks in TypeScript on " +
  "WebGPU. Everything below was computed when the notebooks last ran; each page has its code, its " +
  "data and the machine that it ran on.";

/** The first page: each notebook with a picture, a sentence and its main result. */
export function indexPage(notebooks: readonly NotebookDescription[]): string {
  const body = markup`
    <header class="title-block">
      <h1>Cutloss</h1>
      <p class="lead">${LEAD}</p>
    </header>
    <ul class="cards">${notebooks.map(card)}</ul>
  `;
  return pageHtml({
    title: "Cutloss: notebooks",
    description:
      "Reproducible notebooks on tokenizers, transformers and Cut Cross-Entropy in TypeScript and WebGPU.",
    body,
    current: "index",
    math: body.text.includes('class="katex'),
  });
}

function card(notebook: NotebookDescription): Html {
  const { name, number, title, summary, results, failed } = notebook;
  return markup`
    <li class="card">
    <div class="card-text">
    <h2>${number && markup`<span class="number">${number}</span> `}<a href="${name}.html">${
    rawHtml(inlineMarkdown(title))
  }</a></h2>
    <p>${rawHtml(inlineMarkdown(summary))}</p>
    ${failed && markup`<p class="failed">A cell of this notebook ended with an error.</p>`}
    ${results.length > 0 && resultList(results)}
    </div>
    ${pictureHtml(notebook)}
    </li>
  `;
}

function pictureHtml({ name, picture }: NotebookDescription): Html | false {
  if (!picture) return false;
  if (picture.svg) {
    const svg = adaptSvgColours(inlineSvg(picture.svg, `picture-${name}`));
    return markup`<div class="card-picture" role="img" aria-label="${picture.alt}">${
      rawHtml(svg)
    }</div>`;
  }
  return markup`<div class="card-picture"><img src="data:image/png;base64,${picture.png}" alt="${picture.alt}"></div>`;
}
