import { type Html, markup, rawHtml } from "./html.ts";

/** What stands around the text of any page of the site. */
export interface Layout {
  /** Plain text. */
  title: string;
  description: string;
  body: Html;
  /** The contents list, for pages that have one. */
  contents?: Html;
  /** Page of the site that this is, to mark it in the navigation. */
  current?: "index" | "numbers";
  /** Whether the text may be as wide as the window has room for. */
  wide?: boolean;
  /** Whether the page has boxes that run experiments, and so needs their script. */
  rerun?: boolean;
  /** Whether the page has formulas, and so needs KaTeX's style sheet. */
  math?: boolean;
}

/** Runs before the page is drawn, so that a remembered choice of colours does not flash. */
const EARLY_SCRIPT =
  `try{var t=localStorage.getItem("cutloss-theme");if(t==="light"||t==="dark")document.documentElement.dataset.theme=t}catch(e){}document.documentElement.classList.add("js")`;

/** A whole page. */
export function pageHtml(layout: Layout): string {
  const { title, description, body, contents, current, wide, rerun, math } = layout;
  const marked = (page: string) => page === current && rawHtml(' aria-current="page"');
  return markup`<!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <meta name="description" content="${description}">
    <meta name="generator" content="Cutloss">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
    <script>${rawHtml(EARLY_SCRIPT)}</script>
    ${math && markup`<link rel="stylesheet" href="assets/katex/katex.min.css">`}
    <link rel="stylesheet" href="assets/report.css">
    </head>
    <body>
    <a class="skip" href="#content">Skip to the text</a>
    <header class="site-header">
    <a class="site-name" href="index.html"${marked("index")}>Cutloss</a>
    <nav aria-label="Site"><a href="${NUMBERS}"${
    marked("numbers")
  }>How these numbers were made</a></nav>
    <button type="button" class="theme-switch" hidden>Colours: automatic</button>
    </header>
    <div class="${contents ? "columns" : wide ? "single wide" : "single"}">
    ${contents}
    <main id="content" tabindex="-1">
    ${body}
    </main>
    </div>
    <footer class="site-footer"><p>Made by <a href="${NUMBERS}">executing notebooks</a> with Deno
    and WebGPU. Works from disk, without a network.
    <a href="${NUMBERS}#licences">Licences of what this page uses</a></p></footer>
    <script src="assets/report.js"></script>
    ${rerun && markup`<script src="assets/rerun.js"></script>`}
    </body>
    </html>
  `.text;
}

/** File name of the page on how the numbers were made. */
const NUMBERS = "how-these-numbers-were-made.html";

/** A square cut in two. */
const ICON =
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 2h12L2 14z" fill="#0072b2"/><path d="M14 5v9H5z" fill="#d55e00"/></svg>`;
