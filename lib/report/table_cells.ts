/** Entries up to here, in letters, stay in one line; those from there on get a column's width. */
const SHORT = 14, LONG = 28;

/**
 * Marks the text cells of a page's tables for its style sheet, since a browser deals out the width of
 * a table without asking which of its texts can be broken: `short` for those that should stay in one
 * line, `long` for those that need some width to be read.
 */
export function markCells(html: string): string {
  return html.replace(
    /<td\b([^>]*)>([^]*?)<\/td>/g,
    (whole, attributes: string, content: string) => {
      if (/\bclass=|text-align:\s*right/.test(attributes) || content.includes('class="katex')) {
        return whole;
      }
      const text = content.replace(/<[^>]*>/g, "").replace(/&\w+;/g, "x");
      const name = text.length > LONG
        ? "long"
        : text.length <= SHORT && /[\s\-–]/.test(text)
        ? "short"
        : undefined;
      return name ? `<td class="${name}"${attributes}>${content}</td>` : whole;
    },
  );
}
