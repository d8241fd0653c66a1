import MarkdownIt from "markdown-it";
import { highlight } from "./highlight.ts";
import { escapeHtml, slug, uniqueIds } from "./html.ts";
import { mathPlugin } from "./math.ts";
import { joinText, type MimeBundle } from "./nbformat.ts";
import { sanitizeHtml } from "./sanitize.ts";

/** A heading of a page, for its contents list. */
export interface Heading {
  level: number;
  id: string;
  /** HTML of the heading's text, math included. */
  html: string;
}

type Attachments = Record<string, MimeBundle>;

/** What renders the Markdown of one page; headings get identifiers unique on that page. */
export interface MarkdownRenderer {
  /** Renders a cell's Markdown. Pictures named `attachment:NAME` come from `attachments`. */
  render(source: string, attachments?: Attachments): string;
  /** Renders a line, such as a caption: no paragraph around it. */
  renderInline(source: string): string;
  /** The headings met so far. */
  headings: Heading[];
}

/** Inline HTML that may stand in running text; anything else is shown as text. */
const INLINE_TAG =
  /^<\/?(?:b|i|em|strong|sub|sup|kbd|br|code|small|mark|abbr|span|u|s|q|cite|var)\s*\/?>$/i;

/** Links between notebooks become links between pages. */
function pageLink(href: string): string {
  if (/^[a-z][a-z+.-]*:|^\/\//i.test(href)) return href;
  return href.replace(/^(?:\.\/)?([\w.-]+)\.ipynb(?=$|#)/, "$1.html");
}

function attachmentUri(name: string, attachments?: Attachments): string | undefined {
  const bundle = attachments?.[name];
  const mime = bundle && Object.keys(bundle).find((type) => type.startsWith("image/"));
  return mime && `data:${mime};base64,${joinText(bundle[mime]).replace(/\s/g, "")}`;
}

/**
 * Makes the Markdown renderer of a page: CommonMark with tables, math (`mathPlugin`), highlighted
 * code, headings with identifiers and links to themselves, and raw HTML made harmless.
 *
 * @param uniqueId Gives identifiers that nothing else on the page has.
 */
export function markdownRenderer(uniqueId = uniqueIds()): MarkdownRenderer {
  const markdown = new MarkdownIt({
    html: true,
    linkify: false,
    typographer: true,
    quotes: "“”‘’",
  });
  const headings: Heading[] = [];
  markdown.use(mathPlugin);
  const rules = markdown.renderer.rules;

  const fence = (code: string, language: string) =>
    `<div class="code-block"><pre tabindex="0"><code>${
      highlight(code.replace(/\n$/, ""), language)
    }</code></pre></div>\n`;
  rules.fence = (tokens, i) => fence(tokens[i].content, tokens[i].info.trim().split(/\s/)[0]);
  rules.code_block = (tokens, i) => fence(tokens[i].content, "");

  rules.heading_open = (tokens, i, options, env) => {
    const inline = tokens[i + 1];
    const level = Number(tokens[i].tag.slice(1));
    const words = (inline.children ?? []).map((token) => token.content).join("");
    const id = uniqueId(slug(words));
    const text = markdown.renderer.renderInline(inline.children ?? [], options, env);
    headings.push({ level, id, html: text });
    return `<h${level} id="${id}">`;
  };
  rules.heading_close = (tokens, i) => {
    const { id } = headings[headings.length - 1];
    return `<a class="anchor" href="#${id}" aria-label="Link to this section">#</a></${
      tokens[i].tag
    }>\n`;
  };

  rules.table_open = () => '<div class="scroll"><table>\n';
  rules.table_close = () => "</table></div>\n";
  rules.html_block = (tokens, i) => sanitizeHtml(tokens[i].content);
  rules.html_inline = (tokens, i) =>
    INLINE_TAG.test(tokens[i].content) ? tokens[i].content : escapeHtml(tokens[i].content);

  const link = rules.link_open ??
    ((tokens, i, options, _env, self) => self.renderToken(tokens, i, options));
  rules.link_open = (tokens, i, options, env, self) => {
    const token = tokens[i];
    token.attrSet("href", pageLink(String(token.attrGet("href") ?? "")));
    return link(tokens, i, options, env, self);
  };
  const image = rules.image!;
  rules.image = (tokens, i, options, env, self) => {
    const token = tokens[i];
    const source = String(token.attrGet("src") ?? "");
    if (source.startsWith("attachment:")) {
      const name = decodeURIComponent(source.slice("attachment:".length));
      token.attrSet(
        "src",
        attachmentUri(name, env?.attachments as Attachments | undefined) ?? source,
      );
    }
    token.attrSet("loading", "lazy");
    return image(tokens, i, options, env, self);
  };
  // Pictures in a cell's attachments are data: and thus need no permission of their own.
  const validate = markdown.validateLink;
  markdown.validateLink = (url) => url.startsWith("attachment:") || validate(url);

  return {
    headings,
    render: (source, attachments) => markdown.render(source, { attachments }),
    renderInline: (source) => markdown.renderInline(source, {}),
  };
}
