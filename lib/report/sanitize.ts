import sanitize from "sanitize-html";
import { prefixIds } from "../notebook/svg_ids.ts";

const TAGS = [
  ...sanitize.defaults.allowedTags,
  "img",
  "details",
  "summary",
  "progress",
  "meter",
  "del",
  "ins",
  "picture",
  "source",
];

/**
 * HTML from a notebook, made harmless: no scripts, no event handlers, no frames, no `javascript:`
 * addresses. Styles, classes, tables, pictures and progress bars stay. Tables get a box of their own
 * in which they can be scrolled sideways.
 */
export function sanitizeHtml(text: string): string {
  const clean: string = sanitize(text, {
    allowedTags: TAGS,
    allowedAttributes: {
      "*": ["class", "style", "title", "lang", "dir", "role", "aria-*", "align", "colspan"],
      a: ["href", "name"],
      img: ["src", "alt", "width", "height", "loading"],
      td: ["rowspan", "colspan"],
      th: ["rowspan", "colspan", "scope"],
      progress: ["value", "max"],
      meter: ["value", "min", "max", "low", "high", "optimum"],
      details: ["open"],
    },
    allowedSchemes: ["http", "https", "mailto"],
    allowedSchemesByTag: { img: ["data", "http", "https"] },
  });
  return clean.replace(/<table\b/g, '<div class="scroll"><table').replace(
    /<\/table>/g,
    "</table></div>",
  );
}

/**
 * An SVG picture made ready to stand inside a page: no scripts, handlers, foreign content or XML
 * prologue, and its identifiers begin with `prefix`, so that two pictures never share a clip path.
 */
export function inlineSvg(svg: string, prefix: string): string {
  const start = svg.search(/<svg[\s>]/);
  if (start < 0) return "";
  const text = svg.slice(start)
    .replace(/<(script|foreignObject)\b[^]*?<\/\1\s*>/gi, "")
    .replace(/<(?:script|foreignObject)\b[^>]*\/>/gi, "")
    .replace(/\son[a-z]+\s*=\s*(?:"[^"]*"|'[^']*')/gi, "")
    .replace(/\s(?:xlink:)?href\s*=\s*(["'])\s*javascript:[^]*?\1/gi, "");
  return prefixIds(text, prefix);
}
