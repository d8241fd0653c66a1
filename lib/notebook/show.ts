import { display, settle } from "./display.ts";
import { figure, type FigureOptions } from "./figure.ts";
import { jupyter } from "./jupyter.ts";
import { table, type TableData, type TableOptions } from "./table.ts";

/** Text that is to be read as Markdown or HTML. */
export interface MarkedText {
  markdown?: string;
  html?: string;
}

/**
 * Shows one thing below the running cell and returns when it is there.
 *
 * A figure (an object with `data`, `caption` and `alt`) is drawn, a list of records becomes a table,
 * `{ markdown }` and `{ html }` are laid out, anything else is shown as the console shows it.
 *
 * ```ts ignore
 * await show({ markdown: "The loss is **exact**." });
 * await show([{ Way: "cut", "Peak (MiB)": 5.4 }], { caption: "Peak memory." });
 * ```
 *
 * @param options of the table, if it is one
 */
export async function show(value: unknown, options: TableOptions = {}): Promise<void> {
  if (isFigure(value)) await figure(value);
  else if (isRecords(value)) await table(value, options);
  else if (isMarked(value)) {
    const { markdown, html } = value;
    await display({
      data: {
        ...html !== undefined && { "text/html": html },
        ...markdown !== undefined && { "text/markdown": markdown },
        "text/plain": markdown ?? html?.replace(/<[^>]*>/g, ""),
      },
    });
  } else {
    const text = typeof value === "string" ? value : Deno.inspect(value, INSPECT);
    await display({ data: { "text/plain": text } });
  }
}

/**
 * Prints lines, and returns when they are there.
 *
 * Use it in cells instead of `console.log`, whose text takes another way, may arrive after the cell
 * has ended, and is then shown below the next cell.
 *
 * @param lines each on its own line; what is no text is shown as the console shows it
 */
export async function log(...lines: unknown[]): Promise<void> {
  const text = lines.map((line) => typeof line === "string" ? line : Deno.inspect(line, INSPECT))
    .join("\n");
  const kernel = jupyter();
  if (!kernel) return console.log(text);
  await kernel.broadcast("stream", { name: "stdout", text: `${text}\n` });
  await settle(text.length);
}

const INSPECT = { depth: 4, iterableLimit: 20, compact: true };

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isFigure(value: unknown): value is FigureOptions {
  return isObject(value) && Array.isArray(value.data) && "caption" in value && "alt" in value;
}

function isRecords(value: unknown): value is TableData {
  return Array.isArray(value) && value.length > 0 &&
    value.every((row) => isObject(row) && Object.getPrototypeOf(row) === Object.prototype);
}

function isMarked(value: unknown): value is MarkedText {
  return isObject(value) && (typeof value.markdown === "string" || typeof value.html === "string");
}
