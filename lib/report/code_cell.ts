import { highlight } from "./highlight.ts";
import { type Html, markup, rawHtml } from "./html.ts";
import { cellTags, joinText, type NotebookCell } from "./nbformat.ts";
import type { PageContext } from "./page_context.ts";
import { joinStreams, outputHtml } from "./render_output.ts";

/**
 * The line that stands for folded code, after its imports: the comment if the code starts with one
 * (of a block, its first line), else the first line.
 */
export function codeSummary(source: string): { text: string; isComment: boolean } {
  const lines = source.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  let first = 0;
  while (/^import\b/.test(lines[first] ?? "")) {
    while (first < lines.length - 1 && !/;$|["']$/.test(lines[first])) first++;
    first++;
  }
  const line = lines[first] ?? lines[0] ?? "";
  if (!/^\/[/*]/.test(line)) return { text: line, isComment: false };
  const words = (text = "") => text.replace(/^(?:\/\/+|\/?\*+)\s*|\s*\*\/$/g, "");
  const end = lines.findIndex((line, i) => i > first && !line.startsWith("//"));
  const text = line.startsWith("//")
    ? lines.slice(first, end < 0 ? undefined : end).map(words).join(" ")
    : words(line) || words(lines[first + 1]);
  return { text, isComment: true };
}

/**
 * A code cell: its code folded to one line, then its outputs. Tags as elsewhere in Jupyter:
 * `remove-input`, `remove-output`; and `unfold` shows the code from the start.
 */
export function codeCellHtml(cell: NotebookCell, page: PageContext): Html {
  const source = joinText(cell.source).replace(/\s+$/, "");
  const tags = cellTags(cell);
  const outputs = tags.includes("remove-output") ? [] : joinStreams(cell.outputs ?? []);
  const code = source !== "" && !tags.includes("remove-input") &&
    foldedCode(source, cell.execution_count, tags.includes("unfold"));
  return markup`
    <section class="cell">${code}
    ${outputs.map((output) => outputHtml(output, page))}</section>
  `;
}

function foldedCode(source: string, count: number | null | undefined, open: boolean): Html {
  const lines = source.split("\n").length;
  const { text, isComment } = codeSummary(source);
  const code = rawHtml(highlight(source, "typescript"));
  return markup`
    <details class="code"${open && rawHtml(" open")}>
    <summary><span class="count">[${count ?? " "}]</span>
    <span class="first-line${isComment ? "" : " is-code"}">${text}</span>
    <span class="lines">${lines} ${lines === 1 ? "line" : "lines"}</span></summary>
    <div class="code-block"><pre tabindex="0"><code>${code}</code></pre></div>
    </details>
  `;
}
