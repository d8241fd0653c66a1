import { display, type Output } from "./display.ts";
import { formatColumn } from "./format_number.ts";
import type { DataColumn, DataTable, DataValue } from "./outputs.ts";
import { dataValue, slug, splitUnit } from "./plain_data.ts";

/** Rows as records, or columns as lists. Keys are headings: "Time (ms)" is a name and its unit. */
export type TableData =
  | readonly Readonly<Record<string, unknown>>[]
  | Readonly<Record<string, ArrayLike<unknown>>>;

/** Options of {@link table}. */
export interface TableOptions {
  /** Inline Markdown; without "Table N". */
  caption?: string;
  id?: string;
  /** Which columns, in this order; all without it. */
  columns?: readonly string[];
  /** Significant digits shown, for all columns or by heading (default 4). */
  digits?: number | Readonly<Record<string, number>>;
}

/**
 * Shows a table: numbers to the right with sensible digits, units in the head.
 *
 * ```ts ignore
 * await table([
 *   { "Way": "naive", "Peak (MiB)": 4712 },
 *   { "Way": "cut", "Peak (MiB)": 5.4 },
 * ], { caption: "Peak memory." });
 * ```
 *
 * @throws Error if there are no rows or a column does not exist
 */
export async function table(data: TableData, options: TableOptions = {}): Promise<void> {
  await display(tableOutput(data, options));
}

/** The output that {@link table} shows. */
export function tableOutput(data: TableData, options: TableOptions = {}): Output {
  const { caption = "" } = options;
  const dataTable = toDataTable(data, options.columns);
  return {
    data: tableBundle(dataTable, options),
    metadata: {
      kind: "table",
      id: options.id ?? slug(caption || dataTable.columns.map(({ name }) => name).join(" ")),
      caption,
      table: dataTable,
    },
  };
}

/** A data table as HTML, Markdown and aligned text. */
export function tableBundle(
  { columns, rows }: DataTable,
  options: Pick<TableOptions, "caption" | "digits"> = {},
): Record<string, string> {
  const written = columns.map((column, index) => {
    const cells = rows.map((row) => row[index]);
    const { digits } = options;
    const own = typeof digits === "number" ? digits : digits?.[heading(column)];
    return column.numeric ? formatColumn(cells as (number | null)[], own) : cells.map(asText);
  });
  const lines = rows.map((_, row) => written.map((column) => column[row]));
  const { caption } = options;
  return {
    "text/html": asHtml(columns, lines, caption),
    "text/markdown": asMarkdown(columns, lines),
    "text/plain": asPlainText(columns, lines, caption),
  };
}

function toDataTable(data: TableData, chosen?: readonly string[]): DataTable {
  const records = Array.isArray(data);
  const keys = records
    ? [...new Set((data as readonly object[]).flatMap((row) => Object.keys(row)))]
    : Object.keys(data);
  const names = chosen ?? keys;
  const missing = names.find((name) => !keys.includes(name));
  if (missing !== undefined) {
    throw new Error(`table: there is no column "${missing}"; expected one of ${keys.join(", ")}.`);
  }
  const cells = names.map((name) =>
    records
      ? (data as readonly Record<string, unknown>[]).map((row) => dataValue(row[name], 9))
      : Array.from((data as Record<string, ArrayLike<unknown>>)[name], (v) => dataValue(v, 9))
  );
  const height = Math.max(0, ...cells.map((column) => column.length));
  if (height === 0) throw new Error("table: data has no rows; expected at least one.");
  return {
    columns: names.map((name, i) => ({
      ...splitUnit(name),
      numeric: cells[i].some((value) => typeof value === "number") &&
        cells[i].every((value) => value === null || typeof value === "number"),
    })),
    rows: Array.from({ length: height }, (_, row) => cells.map((column) => column[row] ?? null)),
  };
}

function heading({ name, unit }: DataColumn): string {
  return unit === undefined ? name : `${name} (${unit})`;
}

function asText(value: DataValue): string {
  if (value === null) return "–";
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

function asHtml(columns: DataColumn[], lines: string[][], caption?: string): string {
  const align = (column: DataColumn) => ` style="text-align:${column.numeric ? "right" : "left"}"`;
  const head = columns.map((column) =>
    `<th scope="col"${align(column)}>${escapeHtml(heading(column))}</th>`
  );
  const body = lines.map((line) =>
    `<tr>${line.map((cell, i) => `<td${align(columns[i])}>${escapeHtml(cell)}</td>`).join("")}</tr>`
  );
  return [
    "<table>",
    ...caption ? [`<caption>${escapeHtml(caption)}</caption>`] : [],
    `<thead><tr>${head.join("")}</tr></thead>`,
    `<tbody>\n${body.join("\n")}\n</tbody>`,
    "</table>",
  ].join("\n");
}

function asMarkdown(columns: DataColumn[], lines: string[][]): string {
  const row = (cells: string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    row(columns.map(heading)),
    row(columns.map(({ numeric }) => numeric ? "---:" : "---")),
    ...lines.map(row),
  ].join("\n");
}

function asPlainText(columns: DataColumn[], lines: string[][], caption?: string): string {
  const all = [columns.map(heading), ...lines];
  const widths = columns.map((_, i) => Math.max(...all.map((line) => [...line[i]].length)));
  const pad = (cell: string, i: number) => {
    const space = " ".repeat(widths[i] - [...cell].length);
    return columns[i].numeric ? space + cell : cell + space;
  };
  const text = all.map((line) => line.map(pad).join("  ").trimEnd());
  text.splice(1, 0, widths.map((width) => "─".repeat(width)).join("  "));
  return [...caption ? [caption] : [], ...text].join("\n");
}

/** Text for the inside of HTML elements and attributes. */
export function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"]/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!,
  );
}
