import { createCssVariablesTheme, createHighlighterCoreSync } from "shiki/core";
import { createJavaScriptRegexEngine } from "shiki/engine/javascript";
import bash from "shiki/langs/bash.mjs";
import json from "shiki/langs/json.mjs";
import python from "shiki/langs/python.mjs";
import typescript from "shiki/langs/typescript.mjs";
import wgsl from "shiki/langs/wgsl.mjs";
import { escapeHtml } from "./html.ts";

const LANGUAGES: Record<string, string> = {
  ts: "typescript",
  typescript: "typescript",
  js: "typescript",
  javascript: "typescript",
  wgsl: "wgsl",
  json: "json",
  python: "python",
  py: "python",
  bash: "bash",
  sh: "bash",
  shell: "bash",
};

const highlighter = createHighlighterCoreSync({
  langs: [typescript, wgsl, json, python, bash],
  themes: [createCssVariablesTheme({ name: "page", variablePrefix: "--code-" })],
  // Plain JavaScript regular expressions: no WebAssembly to start, and enough for these languages.
  engine: createJavaScriptRegexEngine(),
});

/**
 * Colours code for a page: spans with classes such as `code-keyword`, whose colours the page's style
 * sheet names once for light and once for dark. Text in an unknown language is only escaped.
 */
export function highlight(code: string, language: string): string {
  const lang = LANGUAGES[language.toLowerCase()];
  if (!lang) return escapeHtml(code);
  const lines = highlighter.codeToTokensBase(code, { lang, theme: "page" });
  return lines.map((tokens) => {
    // Neighbours of one colour share a span: pages get a third smaller.
    let line = "", open = "", text = "";
    const close = () => {
      line += open ? `<span class="${open}">${escapeHtml(text)}</span>` : escapeHtml(text);
      text = "";
    };
    for (const { content, color } of tokens) {
      const name = /--code-token-([\w-]+)/.exec(color ?? "")?.[1];
      const className = name ? `code-${name}` : "";
      if (className !== open && content.trim() !== "") {
        if (text) close();
        open = className;
      }
      text += content;
    }
    if (text) close();
    return line;
  }).join("\n");
}
