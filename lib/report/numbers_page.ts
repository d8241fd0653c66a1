import { formatDuration } from "../notebook/format_number.ts";
import { dataTableHtml } from "./data_table.ts";
import { inlineMarkdown, type NotebookDescription } from "./describe.ts";
import { type Html, markup, rawHtml } from "./html.ts";
import { pageHtml } from "./layout.ts";
import { packageLicences } from "./packages.ts";

/**
 * The page that says on which machines, with which commands and when the notebooks ran.
 *
 * @param reruns Names of the notebooks whose pages can repeat a measurement in the browser.
 */
export function numbersPage(
  notebooks: readonly NotebookDescription[],
  reruns: ReadonlySet<string> = new Set(),
): string {
  const body = markup`
    <article>
    <header class="title-block"><h1>How these numbers were made</h1></header>
    <div class="prose">
    <p>Every number and every figure on these pages was computed by a notebook while it ran from top
    to bottom, in a fresh kernel, on the machine named with it. Nothing is copied in by hand. The
    pages were made from the notebooks’ stored outputs; each page links to its notebook, which opens
    in JupyterLab, VS Code or on GitHub.</p>
    <h2 id="repeat">Repeat it</h2>
    <p>In a clone of the repository, with Node.js 20 or newer:</p>
    ${commandBlock(`npx --yes deno@${denoVersion(notebooks)} task report`)}
    <p>Scales are <code>smoke</code> (minutes, any machine), <code>laptop</code> and
    <code>full</code> (a large GPU); without one, the scale is chosen by the adapter. Numbers that
    are not timings repeat on the same adapter with the same scale and seed, bit for bit. Timings
    are measured on a warm device and vary with whatever else the machine is doing.</p>
    ${rerunParagraph(notebooks.filter(({ name }) => reruns.has(name)))}
    </div>
    ${notebooks.map(notebookSection)}
    ${licencesSection()}
    </article>
  `;
  return pageHtml({
    title: "How these numbers were made – Cutloss",
    description: "Machines, versions, commands and dates of the notebooks’ runs.",
    body,
    current: "numbers",
    math: body.text.includes('class="katex'),
  });
}

function rerunParagraph(notebooks: readonly NotebookDescription[]): Html | false {
  if (notebooks.length === 0) return false;
  const links = notebooks.map(({ name, title }, i) =>
    markup`${i > 0 && " and "}<a href="${name}.html">${rawHtml(inlineMarkdown(title))}</a>`
  );
  return markup`<p>Or without a clone: a button on the page of ${links} repeats the main measurement with the
    same kernels in your browser, if it has WebGPU. What it finds stays on your machine.</p>`;
}

function denoVersion(notebooks: readonly NotebookDescription[]): string {
  return notebooks.find(({ run }) => run.deno)?.run.deno ?? Deno.version.deno;
}

function commandBlock(command: string): Html {
  return markup`<div class="code-block"><pre tabindex="0"><code>${command}</code></pre></div>`;
}

/** The command that executes a notebook again as it was executed. */
export function repeatCommand({ name, number, run }: NotebookDescription): string {
  const deno = `npx --yes deno@${run.deno ?? Deno.version.deno}`;
  if (run.command) return run.command.replace(/^deno\b/, deno);
  const options = [`--only ${number || name}`];
  if (run.scale) options.push(`--scale ${run.scale}`);
  if (run.seed !== undefined) options.push(`--seed ${run.seed}`);
  return `${deno} task report ${options.join(" ")}`;
}

function notebookSection(notebook: NotebookDescription): Html {
  const { name, title, provenance, run } = notebook;
  const when = run.executed &&
    markup`<p>Executed ${run.executed.slice(0, 16).replace("T", " ")} UTC${
      run.seconds !== undefined && `, in ${formatDuration(run.seconds)}`
    }.</p>`;
  const machine = provenance
    ? dataTableHtml(provenance.table, `Where ${name} was executed`)
    : markup`<p class="note">This notebook did not record its machine.</p>`;
  return markup`
    <section>
    <div class="prose">
    <h2 id="${name}"><a href="${name}.html">${rawHtml(inlineMarkdown(title))}</a></h2>
    ${when}
    ${commandBlock(repeatCommand(notebook))}
    </div>
    ${machine}
    </section>
  `;
}

/** What the site has copies of, each with its licence beside it; every page's footer leads here. */
function licencesSection(): Html {
  const items = packageLicences().map(({ title, version, use, licence, path }) =>
    markup`<li>${title} ${version}: ${use}.
    <a href="assets/${path}" aria-label="${licence}, the licence of ${title}">${licence}</a></li>\n`
  );
  return markup`
    <section class="prose">
    <h2 id="licences">Licences of what these pages use</h2>
    <p>The pages have copies of these works with them. The licence of each lies beside it.</p>
    <ul>${items}</ul>
    </section>
  `;
}
