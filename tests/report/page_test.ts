import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ansiToHtml, overwriteLines } from "../../lib/report/ansi.ts";
import { codeSummary } from "../../lib/report/code_cell.ts";
import { adaptSvgColours } from "../../lib/report/colours.ts";
import { describeNotebook } from "../../lib/report/describe.ts";
import { jsonScript, markup } from "../../lib/report/html.ts";
import { indexPage } from "../../lib/report/index_page.ts";
import { parseNotebook } from "../../lib/report/nbformat.ts";
import { repeatCommand } from "../../lib/report/numbers_page.ts";
import { exportNotebook } from "../../lib/report/page.ts";
import { pictureFile } from "../../lib/report/picture.ts";
import { notebookScript } from "../../lib/report/script.ts";
import { inlineSvg, sanitizeHtml } from "../../lib/report/sanitize.ts";
import { markCells } from "../../lib/report/table_cells.ts";
import { theme } from "../../lib/notebook/theme.ts";
import {
  codeCell,
  figureOutput,
  markdownCell,
  notebookFile,
  sampleNotebook,
} from "./sample_notebook.ts";

const page = exportNotebook(sampleNotebook(), {
  name: "06-cut-cross-entropy",
  previous: { name: "05-x", title: "Differential *attention*" },
});

Deno.test("figures and tables are counted, captioned, described, and linked to their data", () => {
  const figures = [
    ...page.html.matchAll(/<a class="label" href="#[\w-]+">(Figure|Table) (\d)<\/a>/g),
  ];
  assertEquals(figures.map((match) => `${match[1]} ${match[2]}`), [
    "Figure 1",
    "Table 1",
    "Figure 2",
  ]);
  assertStringIncludes(page.html, "Peak memory over rows <em>N</em>, naive and cut.");
  assertStringIncludes(page.html, 'role="img" aria-label="Two lines over the number of rows');
  assertStringIncludes(page.html, 'href="data/06-cut-cross-entropy-figure-2.csv" download');
  assertEquals([...page.files.keys()], [
    "data/06-cut-cross-entropy-figure-1.csv",
    "data/06-cut-cross-entropy-table-1.csv",
    "data/06-cut-cross-entropy-figure-2.csv",
  ]);
  const csv = page.files.get("data/06-cut-cross-entropy-figure-1.csv")!;
  assertStringIncludes(
    csv,
    'Rows,Naive (MiB),"Cut, ""no"" logits (MiB)"\r\n1024,196.31640625,20.48\r\n',
  );
});

Deno.test("no two elements share an identifier, though two figures do", () => {
  const ids = [...page.html.matchAll(/\sid="([^"]+)"/g)].map((match) => match[1]);
  assertEquals(ids.length, new Set(ids).size);
  assert(ids.includes("peak-memory") && ids.includes("peak-memory-2"), ids.join());
  assertStringIncludes(page.html, "url(#peak-memory-2-clip)");
});

Deno.test("links inside of the page lead somewhere", () => {
  const ids = new Set([...page.html.matchAll(/\sid="([^"]+)"/g)].map((match) => match[1]));
  for (const [, target] of page.html.matchAll(/href="#([^"]+)"/g)) assert(ids.has(target), target);
});

Deno.test("the contents list has the sections, the title stands once", () => {
  const contents = /<nav class="contents"[^]*?<\/nav>/.exec(page.html)![0];
  assertEquals([...contents.matchAll(/href="#([^"]+)"/g)].map((match) => match[1]), [
    "the-memory-problem",
    "the-kernel",
    "the-end",
  ]);
  assertEquals(page.html.match(/<h1/g)?.length, 1);
  assertStringIncludes(page.html, "<title>Cut Cross-Entropy in pieces – Cutloss</title>");
});

Deno.test("code is folded to one line and cells tagged remove-cell are left out", () => {
  assertStringIncludes(
    page.html,
    '<span class="first-line">Measure the peak memory of each way</span>',
  );
  assertStringIncludes(page.html, '<span class="lines">4 lines</span>');
  assert(!page.html.includes("secret()"));
  assert(!page.html.includes('<details class="code" open'));
});

Deno.test("what a notebook printed is shown as text, with its colours", () => {
  assertStringIncludes(page.html, '<span class="ansi-green-fg">ready</span> &lt;b&gt;not bold');
  assert(!page.html.includes("50%"), "a line that was written over shows its last state");
  assertStringIncludes(page.html, 'class="stream stderr"');
  assertStringIncludes(page.html, "RangeError: targets[3] is 9, expected 0 to 4.");
});

Deno.test("nothing from a notebook runs in its page", () => {
  assert(!page.html.includes("alert(1)</script>"));
  assert(!/<[^>]+\sonerror/.test(page.html));
});

Deno.test("a page asks for nothing outside of its site", () => {
  const addresses = [...page.html.matchAll(/\s(?:src|href)="([^"]+)"/g)].map((match) => match[1]);
  for (const address of addresses) assert(!/^(https?:)?\/\//.test(address), address);
});

Deno.test("a notebook's code is a script whose cells are told apart, with its text as comments", () => {
  const script = notebookScript(
    notebookFile([markdownCell("# A\n\ntext"), codeCell("let x = 1;\n")]),
  );
  assertEquals(script, "// %% [markdown]\n// # A\n//\n// text\n\n// %%\nlet x = 1;\n");
});

Deno.test("a picture's file has each style once, no empty groups, and both themes' colours", () => {
  const style = "fill: rgb(0, 114, 178); opacity: 1;";
  const { text, width, height } = pictureFile(
    `<svg class="m" viewBox="0 0 20 10"><g class="empty"><g/></g><g><path style="${style}" d="M0.12345,1"/>` +
      `<path style="${style}" d="M2,2"/></g><text y="1.25">0.125</text><script>alert(1)</script></svg>`,
  );
  assertEquals([width, height], [20, 10]);
  assertEquals(
    text,
    '<svg viewBox="0 0 20 10"><style>:root{color-scheme:light dark}.s0{fill:light-dark(#0072b2, #4aa8e8);}' +
      '</style><path class="s0" d="M0.1,1"/><path class="s0" d="M2,2"/><text y="1.3">0.125</text></svg>',
  );
});

Deno.test("a table's empty corner is no heading", () => {
  const notebook = notebookFile([markdownCell("# T\n\n| | a |\n| --- | --- |\n| b | 1 |")]);
  const { html } = exportNotebook(notebook, { name: "x" });
  assert(!/<th[^>]*><\/th>/.test(html));
  assertStringIncludes(html, "<th>a</th>");
});

Deno.test("labels on bars of other colours than the theme's keep their colour in the dark", () => {
  const bar = (fill: string) =>
    `<path style="fill: ${fill};" d="M0,0"/><text class="bartext bartext-inside" style="fill: rgb(31, 35, 40);">`;
  assertStringIncludes(adaptSvgColours(bar("rgb(230, 234, 238)")), "rgb(31 35 40)");
  assertStringIncludes(adaptSvgColours(bar("rgb(0, 114, 178)")), "light-dark(#1f2328, #e6e9ed)");
});

Deno.test("labels on a heat map, which is a picture, keep their colour in the dark", () => {
  const label = '<g class="heatmap-label"><text style="fill: rgb(255, 255, 255);">13</text></g>';
  assertStringIncludes(adaptSvgColours(label), "fill: rgb(255 255 255)");
});

Deno.test("short texts of a table stay in one line, and long ones get some width", () => {
  const row = '<tr><td>cut, filtered</td><td>cut</td><td style="text-align:right">1 - 2</td>' +
    `<td>${"word ".repeat(9)}</td><td><b>a b</b></td></tr>`;
  assertEquals(
    markCells(row).replace(/(word )+/, "…"),
    '<tr><td class="short">cut, filtered</td><td>cut</td><td style="text-align:right">1 - 2</td>' +
      '<td class="long">…</td><td class="short"><b>a b</b></td></tr>',
  );
});

Deno.test("neighbours and the notebook are linked", () => {
  assertStringIncludes(page.html, '<a rel="prev" href="05-x.html">');
  assertStringIncludes(page.html, "Differential <em>attention</em>");
  assertStringIncludes(page.html, 'href="notebooks/06-cut-cross-entropy.ipynb" download');
  assertStringIncludes(page.html, 'href="notebooks/06-cut-cross-entropy.ts" download');
});

Deno.test("a notebook is described by its metadata, and else by its content", () => {
  const given = describeNotebook(sampleNotebook(), "06-cut-cross-entropy");
  assertEquals(given.number, "06");
  assertEquals(given.summary, "The loss without the logits, in *N* numbers.");
  assertEquals(given.results.map(({ name }) => name), ["Peak memory, naive", "Peak memory, cut"]);
  assertEquals(given.run.scale, "smoke");
  assertEquals(given.failed, true);
  const bare = describeNotebook(
    notebookFile([markdownCell("# A title\n\nFirst words. Second words.")]),
    "x",
  );
  assertEquals([bare.title, bare.summary, bare.number], ["A title", "First words.", ""]);
  assertEquals([bare.picture, bare.provenance, bare.failed], [undefined, undefined, false]);
});

Deno.test("an error that a cell was meant to raise is no failure", () => {
  const error = { output_type: "error", ename: "E", evalue: "", traceback: [] } as const;
  const cell = (tags: string[]) =>
    codeCell("x", [{ ...error, traceback: [] }], { metadata: { tags } });
  const failed = (tags: string[]) => describeNotebook(notebookFile([cell(tags)]), "x").failed;
  assertEquals([failed([]), failed(["raises-exception"])], [true, false]);
});

Deno.test("the picture of a notebook is the figure that it names", () => {
  const cells = [
    codeCell("a", [figureOutput("one", "")]),
    codeCell("b", [figureOutput("two", "")]),
  ];
  const name = (picture?: string) => {
    cells[1].outputs![0].data!["image/svg+xml"] = "<svg>second</svg>";
    return describeNotebook(notebookFile(cells, { picture }), "x").picture?.svg;
  };
  assertEquals(name("two"), "<svg>second</svg>");
  assert(name()?.startsWith("<svg xmlns"));
});

Deno.test("the index has a card for each notebook with sentence, result and picture", () => {
  const picture = pictureFile(page.description.picture!.svg!);
  const text = indexPage([page.description], new Map([[page.description.name, picture]]));
  assertStringIncludes(
    text,
    '<a href="06-cut-cross-entropy.html">Cut Cross-Entropy in <em>pieces</em></a>',
  );
  assertStringIncludes(
    text,
    '<dt>Peak memory, naive</dt>\n<dd>1571 <span class="unit">MiB</span>',
  );
  assert(
    /<img src="pictures\/06-cut-cross-entropy.svg" width="\d+" height="\d+" alt="Two/.test(text),
  );
  assertStringIncludes(text, '<p class="note">Scale smoke, on llvmpipe</p>');
});

Deno.test("the command that repeats a run names scale, seed and version", () => {
  assertEquals(
    repeatCommand(page.description),
    "npx --yes deno@2.9.6 task report --only 06 --scale smoke --seed 0",
  );
});

Deno.test("templates escape values, and JSON cannot end its script", () => {
  assertEquals(
    markup`<p>${"<&\"'>"}${[1, markup`<b>`]}${null}</p>`.text,
    "<p>&lt;&amp;&quot;&#39;&gt;1<b></p>",
  );
  assert(!jsonScript("x", "</script>").text.includes("</script></script>"));
  assertStringIncludes(jsonScript("x", "</script>").text, "\\u003c/script>");
});

Deno.test("streams: carriage returns keep the last state, control sequences vanish", () => {
  assertEquals(overwriteLines("a\rb\r\nc\r"), "b\nc");
  assertEquals(ansiToHtml("\x1b[2K\x1b[1A<x>"), "&lt;x&gt;");
});

Deno.test("folded code is named by its comment, else by its first line of substance", () => {
  const text = (source: string) => codeSummary(source).text;
  assertEquals(codeSummary("/** Trains. */\nlet x;"), { text: "Trains.", isComment: true });
  assertEquals(codeSummary("let x;"), { text: "let x;", isComment: false });
  assertEquals(text('import {\n  a,\n} from "b";\nimport "c"\n\n// Uses a.\na();'), "Uses a.");
  assertEquals(text('import "a";\n\nconst b = 1; // one'), "const b = 1; // one");
  assertEquals(text("/**\n * Two lines\n */"), "Two lines");
  assertEquals(text("// A sentence on\n// two lines.\na();"), "A sentence on two lines.");
  assertEquals(text("// All\n// comment"), "All comment");
  assertEquals(text('import "a";'), 'import "a";');
  assertEquals(text(""), "");
});

Deno.test("pictures follow the page's colours where they use the figures' own", () => {
  const { light, dark } = theme;
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(light.ink.slice(i, i + 2), 16));
  assertEquals(
    adaptSvgColours(
      `<g style="fill: rgb(${r}, ${g}, ${b}); stroke:#123456" fill="${light.paper}"/>`,
    ),
    `<g style="fill: light-dark(${light.ink}, ${dark.ink}); stroke:#123456" fill="light-dark(${light.paper}, ${dark.paper})"/>`,
  );
});

Deno.test("an SVG in a page loses scripts and handlers and gets identifiers of its own", () => {
  const svg = '<?xml version="1.0"?><svg onload="x()"><script>y()</script><path id="a"/>' +
    '<use href="#a" clip-path="url(#a)" fill="url(#other)"/></svg>';
  assertEquals(
    inlineSvg(svg, "p"),
    '<svg><path id="p-a"/><use href="#p-a" clip-path="url(#p-a)" fill="url(#other)"/></svg>',
  );
});

Deno.test("HTML outputs keep tables and styles and lose what runs", () => {
  const clean = sanitizeHtml(
    '<table class="t"><tr><td style="color: red" onclick="x()">1</td></tr></table><iframe src="x"></iframe>' +
      '<progress value="3" max="4"></progress>',
  );
  assertStringIncludes(clean, '<div class="scroll"><table class="t">');
  assertStringIncludes(clean, '<progress value="3" max="4">');
  assert(!/onclick|iframe/.test(clean), clean);
});

Deno.test("the page's ground and text have the figures' colours", async () => {
  const css = await Deno.readTextFile(
    new URL("../../lib/report/assets/page.css", import.meta.url),
  );
  for (const name of ["paper", "ink", "muted"] as const) {
    assertStringIncludes(css, `--${name}: light-dark(${theme.light[name]}, ${theme.dark[name]})`);
  }
  assertStringIncludes(
    css,
    `--accent: light-dark(${theme.light.series[0]}, ${theme.dark.series[0]})`,
  );
});

Deno.test("what is no notebook is refused with its name", () => {
  assertThrows(() => parseNotebook("{", "a.ipynb"), Error, "a.ipynb is no notebook");
  assertThrows(
    () => parseNotebook('{"nbformat": 3}', "a.ipynb"),
    Error,
    "nbformat is 3, expected 4",
  );
});
