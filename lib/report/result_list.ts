import type { ResultValue } from "../notebook/outputs.ts";
import { formatValue } from "./data_table.ts";
import { type Html, markup } from "./html.ts";

/** The main results as a list of names and values. */
export function resultList(results: readonly ResultValue[]): Html {
  const items = results.map(({ name, value, unit }) =>
    markup`<div><dt>${name}</dt>
    <dd>${formatValue(value)}${unit && markup` <span class="unit">${unit}</span>`}</dd></div>\n`
  );
  return markup`<dl class="results">${items}</dl>`;
}
