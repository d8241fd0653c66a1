import { display, type Output } from "./display.ts";
import { formatNumber } from "./format_number.ts";
import type { ResultValue } from "./outputs.ts";
import { dataValue, splitUnit } from "./plain_data.ts";
import { tableBundle } from "./table.ts";

/**
 * Shows the notebook's main results, which indexes and the end of `deno task report` repeat.
 *
 * ```ts ignore
 * await result({ "Peak memory, naive (MiB)": 4712, "Peak memory, cut (MiB)": 5.4 });
 * ```
 *
 * @param values by name and unit, the most telling first
 */
export async function result(values: Readonly<Record<string, number | string>>): Promise<void> {
  await display(resultOutput(values));
}

/** The output that {@link result} shows. */
export function resultOutput(values: Readonly<Record<string, number | string>>): Output {
  const results: ResultValue[] = Object.entries(values).map(([title, value]) => {
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw new Error(`result: "${title}" is ${value}; expected a finite number or a text.`);
    }
    return { ...splitUnit(title), value: dataValue(value) as number | string };
  });
  if (results.length === 0) throw new Error("result: values is empty; expected at least one.");
  return {
    data: tableBundle({
      columns: ["Result", "Value", "Unit"].map((name) => ({ name, numeric: false })),
      rows: results.map(({ name, value, unit }) => [
        name,
        typeof value === "number" ? formatNumber(value) : value,
        unit ?? "",
      ]),
    }),
    metadata: { kind: "result", values: results },
  };
}
