import type { DataColumn, DataTable, DataValue } from "../notebook/outputs.ts";
import { formatColumn, formatNumber } from "../notebook/format_number.ts";
import { type Html, markup, rawHtml } from "./html.ts";

/** Rows that a page shows; the CSV file has them all. */
const SHOWN_ROWS = 200;

/** A column's heading: what it holds and, in brackets, its unit. */
export function columnTitle(column: DataColumn): string {
  return column.unit ? `${column.name} (${column.unit})` : column.name;
}

/** A value as text: numbers as people read them, a dash for what is missing. */
export function formatValue(value: DataValue): string {
  if (value === null) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" ? value : formatNumber(value);
}

/** A data table as HTML in a box that scrolls sideways; `caption` is for screen readers. */
export function dataTableHtml(table: DataTable, caption: string): Html {
  const { columns, rows } = table;
  const shown = rows.slice(0, SHOWN_ROWS);
  // A column is formatted as a whole, so that its numbers can be compared.
  const texts = columns.map((column, i) => {
    const values = shown.map((row) => row[i] ?? null);
    return column.numeric ? formatColumn(values as (number | null)[]) : values.map(formatValue);
  });
  const numeric = columns.map((column) => column.numeric ? rawHtml(' class="numeric"') : "");
  const head = columns.map(({ name, unit }, i) =>
    markup`<th scope="col"${numeric[i]}>${name}${
      unit && markup` <span class="unit">${unit}</span>`
    }</th>`
  );
  const body = shown.map((_, r) =>
    markup`<tr>${texts.map((column, i) => markup`<td${numeric[i]}>${column[r]}</td>`)}</tr>\n`
  );
  const left = rows.length - SHOWN_ROWS;
  return markup`<div class="scroll"><table class="data-table">
    <caption class="visually-hidden">${caption}</caption>
    <thead><tr>${head}</tr></thead>
    <tbody>${body}</tbody>
    </table></div>
    ${left > 0 && markup`<p class="note">${left} more rows are in the CSV file.</p>`}`;
}

function csvField(value: DataValue): string {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A data table as CSV (RFC 4180, UTF-8): a line of column titles with units, then all rows. */
export function toCsv(table: DataTable): string {
  const lines = [table.columns.map(columnTitle), ...table.rows];
  return lines.map((line) => line.map(csvField).join(",") + "\r\n").join("");
}
