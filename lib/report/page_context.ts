import { uniqueIds } from "./html.ts";
import { type MarkdownRenderer, markdownRenderer } from "./markdown.ts";

/** What the parts of one page share while it is written, top to bottom. */
export interface PageContext {
  /** Name of the notebook, without its extension. */
  name: string;
  markdown: MarkdownRenderer;
  /** Gives identifiers that nothing else on the page has. */
  uniqueId: (wanted: string) => string;
  figures: number;
  tables: number;
  /** Files that the page links to, by their path in the site. */
  files: Map<string, string>;
}

/** Starts a page. */
export function pageContext(name: string): PageContext {
  const uniqueId = uniqueIds();
  for (const id of ["content", "contents", "provenance"]) uniqueId(id);
  return {
    name,
    markdown: markdownRenderer(uniqueId),
    uniqueId,
    figures: 0,
    tables: 0,
    files: new Map(),
  };
}
