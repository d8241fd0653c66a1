import type { ResultValue } from "../notebook/outputs.ts";
import { formatValue } from "./data_table.ts";
import { type Html, markup, rawHtml } from "./html.ts";

/** The main results as a list of names and values; with `headline` the first stands out. */
export function resultList(results: readonly ResultValue[], headline = false): Html {
  const items = results.map(({ name, value, unit }, i) =>
    markup`<div${headline && i === 0 && rawHtml(' class="headline"')}><dt>${name}</dt>
    <dd>${formatValue(value)}${unit && markup` <span class="unit">${unit}</span>`}</dd></div>\n`
  );
  return markup`<dl class="results">${items}</dl>`;
}
