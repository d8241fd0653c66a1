import { inlineMarkdown, type NotebookDescription } from "./describe.ts";
import { type Html, markup, rawHtml } from "./html.ts";
import { pageHtml } from "./layout.ts";
import type { PictureFile } from "./picture.ts";
import { resultList } from "./result_list.ts";

const LEAD =
  "Language models from the tokenizer to the loss, rebuilt as notebooks in TypeScript on " +
  "WebGPU. Everything below was computed when the notebooks last ran; each page has its code, its " +
  "data and the machine that it ran on.";

/** Results of a notebook that the first page shows, the main one included. */
const SHOWN_RESULTS = 4;

/**
 * The first page: each notebook with a picture, a sentence and its main result.
 *
 * @param pictures By the name of the notebook; they lie at `pictures/NAME.svg`.
 */
export function indexPage(
  notebooks: readonly NotebookDescription[],
  pictures: ReadonlyMap<string, PictureFile>,
): string {
  const body = markup`
    <header class="title-block">
      <h1>Cutloss</h1>
      <p class="lead">${LEAD}</p>
    </header>
    <ol class="cards">${notebooks.map((notebook) => card(notebook, pictures))}</ol>
  `;
  return pageHtml({
    title: "Cutloss: notebooks",
    description:
      "Reproducible notebooks on tokenizers, transformers and Cut Cross-Entropy in TypeScript and WebGPU.",
    body,
    current: "index",
    wide: true,
    math: body.text.includes('class="katex'),
  });
}

function card(
  notebook: NotebookDescription,
  pictures: ReadonlyMap<string, PictureFile>,
): Html {
  const { name, number, title, summary, results, failed } = notebook;
  return markup`
    <li class="card">
    <div class="card-text">
    ${number && markup`<p class="kicker">${number}</p>`}
    <h2><a href="${name}.html">${rawHtml(inlineMarkdown(title))}</a></h2>
    <p>${rawHtml(inlineMarkdown(summary))}</p>
    ${failed && markup`<p class="failed">A cell of this notebook ended with an error.</p>`}
    ${results.length > 0 && resultList(results.slice(0, SHOWN_RESULTS), true)}
    ${circumstances(notebook)}
    </div>
    ${pictureHtml(notebook, pictures.get(name))}
    </li>
  `;
}

/** With what scale and on what the results were found, since that decides what they are worth. */
function circumstances({ run, provenance }: NotebookDescription): Html | false {
  const { adapter, software, processors } = provenance?.values ?? {};
  const where = adapter
    ? `on ${adapter}${software ? ", which computes on the processor" : ""}`
    : processors && `on ${processors} processors`;
  const facts = [run.scale && `scale ${run.scale}`, where].filter(Boolean).join(", ");
  return facts !== "" && markup`<p class="note">${facts[0].toUpperCase()}${facts.slice(1)}</p>`;
}

function pictureHtml({ name, picture }: NotebookDescription, file?: PictureFile): Html | false {
  if (!picture) return false;
  const source = file
    ? markup`src="pictures/${name}.svg" width="${file.width}" height="${file.height}"`
    : markup`src="data:image/png;base64,${picture.png ?? ""}"`;
  return markup`<div class="card-picture"><img ${source} alt="${picture.alt}" loading="lazy"></div>`;
}
