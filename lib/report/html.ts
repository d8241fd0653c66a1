/** A piece of HTML that is safe to put into a page as it stands. */
export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

/** What may stand in a `${}` of an `markup` template. */
export type HtmlValue =
  | Html
  | string
  | number
  | null
  | undefined
  | false
  | readonly HtmlValue[];

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes text for use in HTML, in content and in quoted attributes alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/** Marks text that is HTML already. */
export function rawHtml(text: string): Html {
  return new Html(text);
}

function render(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return "";
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(render).join("");
  return escapeHtml(String(value));
}

/**
 * Writes HTML: values are escaped unless they are `Html`; lists are joined; `null`, `undefined` and
 * `false` leave nothing.
 */
export function markup(strings: TemplateStringsArray, ...values: HtmlValue[]): Html {
  // Indentation is for readers of the source; a line end is as good a space.
  const [first, ...others] = strings.map((part) => part.replace(/\s*\n\s*/g, "\n"));
  let text = first;
  values.forEach((value, i) => text += render(value) + others[i]);
  return new Html(text);
}

/**
 * A value as a `<script type="application/json">`, for pages that may not fetch anything. `<` is
 * escaped, so that no string inside can end the element.
 */
export function jsonScript(id: string, value: unknown): Html {
  const json = JSON.stringify(value).replace(/</g, "\\u003c");
  return markup`<script type="application/json" id="${id}">${rawHtml(json)}</script>`;
}

/** A word for an address: lower case, hyphens, nothing else; "section" if nothing is left. */
export function slug(text: string): string {
  const word = text.normalize("NFKD").toLowerCase().replace(/[^\p{Letter}\p{Number}]+/gu, "-");
  return word.replace(/^-+|-+$/g, "") || "section";
}

/** Makes each identifier of a page unique by appending -2, -3, … to repeated ones. */
export function uniqueIds(): (wanted: string) => string {
  const used = new Set<string>();
  return (wanted) => {
    let id = wanted;
    for (let n = 2; used.has(id); n++) id = `${wanted}-${n}`;
    used.add(id);
    return id;
  };
}
