import katex from "katex";
import type { MarkdownIt } from "markdown-it";
import { escapeHtml } from "./html.ts";

/**
 * Renders TeX to HTML with MathML beside it for screen readers. A formula that KaTeX does not
 * understand is shown as it was written, with the reason as its title, so that one slip does not
 * cost the page.
 */
export function renderMath(tex: string, display: boolean): string {
  try {
    return katex.renderToString(tex, {
      displayMode: display,
      throwOnError: true,
      strict: false,
      macros: { "\\R": "\\mathbb{R}" },
    });
  } catch (error) {
    const reason = escapeHtml((error as Error).message);
    return `<code class="math-error" title="${reason}">${escapeHtml(tex)}</code>`;
  }
}

const ENVIRONMENT = /^\\begin\{(align|aligned|equation|gather|alignat|cases)\*?\}/;

/**
 * Teaches markdown-it the math that Jupyter reads: `$…$` and `\(…\)` inline, `$$…$$`, `\[…\]` and
 * `\begin{align}…\end{align}` displayed. As in Pandoc, an inline formula neither starts nor ends
 * with a space and no digit follows it, so that "$5 and $6" stays money.
 */
export function mathPlugin(markdown: MarkdownIt): void {
  markdown.inline.ruler.before("escape", "math_inline", (state, silent) => {
    const rest = state.src.slice(state.pos, state.posMax);
    const display = /^\$\$([^]+?)\$\$/.exec(rest) ?? /^\\\[([^]+?)\\\]/.exec(rest);
    const match = display ?? /^\\\(([^]+?)\\\)/.exec(rest) ??
      /^\$(?!\s|\$)((?:\\[^]|[^$\\])+?)(?<!\s)\$(?!\d)/.exec(rest);
    if (!match) return false;
    if (!silent) {
      const token = state.push("math_inline", "math", 0);
      token.content = match[1];
      token.markup = display ? "$$" : "$";
    }
    state.pos += match[0].length;
    return true;
  });

  markdown.block.ruler.before("fence", "math_block", (state, startLine, endLine, silent) => {
    const start = state.bMarks[startLine] + state.tShift[startLine];
    const text = state.src.slice(start, state.eMarks[endLine - 1]);
    const environment = ENVIRONMENT.exec(text)?.[0];
    const close = environment
      ? environment.replace("begin", "end")
      : text.startsWith("$$")
      ? "$$"
      : text.startsWith("\\[")
      ? "\\]"
      : undefined;
    if (!close) return false;
    const end = text.indexOf(close, 2);
    if (end < 0 || /\n[ \t]*\n/.test(text.slice(0, end))) return false;
    // Text after the formula on its last line: leave it to the inline rule.
    const after = text.slice(end + close.length);
    if (!/^[ \t]*(\n|$)/.test(after)) return false;
    if (silent) return true;
    const whole = text.slice(0, end + close.length);
    const token = state.push("math_block", "math", 0);
    token.block = true;
    token.content = environment ? whole : whole.slice(2, -2);
    state.line = startLine + whole.split("\n").length;
    token.map = [startLine, state.line];
    return true;
  }, { alt: ["paragraph", "reference", "blockquote", "list"] });

  markdown.renderer.rules.math_inline = (tokens, i) =>
    tokens[i].markup === "$$"
      ? `<span class="math-scroll">${renderMath(tokens[i].content, true)}</span>`
      : renderMath(tokens[i].content, false);
  markdown.renderer.rules.math_block = (tokens, i) =>
    `<div class="math-scroll">${renderMath(tokens[i].content, true)}</div>\n`;
}
