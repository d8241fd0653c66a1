import type { DataColumn, DataTable, DataValue } from "../notebook/outputs.ts";
import { type Html, html } from "./html.ts";

/** Rows that a page shows; the CSV file has them all. */
const SHOWN_ROWS = 200;

/** A column's heading: what it holds and, in brackets, its unit. */
export function columnTitle(column: DataColumn): string {
  return column.unit ? `${column.name} (${column.unit})` : column.name;
}

/**
 * A value as text for a table: thousands grouped from 10,000 on, at most six significant digits, a
 * power of ten where plain digits would be hard to read, a dash for what is missing.
 */
export function formatValue(value: DataValue): string {
  if (value === null) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) {
    const [digits, exponent] = value.toExponential(3).split("e");
    const power = [...String(Number(exponent))].map((c) => SUPERSCRIPTS[c]).join("");
    return `${Number(digits)}·10${power}`.replace("-", "−");
  }
  const rounded = Number.isInteger(value) ? value : Number(value.toPrecision(6));
  return rounded.toLocaleString("en-US", {
    useGrouping: size >= 10_000,
    maximumFractionDigits: 10,
  }).replace("-", "−");
}

const SUPERSCRIPTS: Record<string, string> = {
  "-": "⁻",
  "0": "⁰",
  "1": "¹",
  "2": "²",
  "3": "³",
  "4": "⁴",
  "5": "⁵",
  "6": "⁶",
  "7": "⁷",
  "8": "⁸",
  "9": "⁹",
};

/** A data table as HTML in a box that scrolls sideways; `caption` is for screen readers. */
export function dataTableHtml(table: DataTable, caption: string): Html {
  const { columns, rows } = table;
  const numeric = columns.map((column) => column.numeric ? "numeric" : "");
  const body = rows.slice(0, SHOWN_ROWS).map((row) =>
    html`<tr>${
      row.map((value, i) => html`<td class="${numeric[i] ?? ""}">${formatValue(value)}</td>`)
    }</tr>`
  );
  const left = rows.length - SHOWN_ROWS;
  return html`
    <div class="scroll">
      <table class="data-table">
        <caption class="visually-hidden">${caption}</caption>
        <thead>
          <tr>${columns.map((column, i) =>
            html`<th scope="col" class="${numeric[i]}">${column.name}${
              column.unit && html`
                <span class="unit">${column.unit}</span>
              `
            }</th>`
          )}</tr>
        </thead>
        <tbody>${body}</tbody>
      </table>
    </div>${left > 0 && html`<p class="note">${left} more rows are in the CSV file.</p>`}
  `;
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
