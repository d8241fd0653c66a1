import { stripAnsi } from "../ansi.ts";
import { joinText, type NotebookFile, type NotebookOutput } from "../nbformat.ts";
import {
  type DataTable,
  type DataValue,
  outputMetadata,
  PLOTLY_MIME,
  type ResultValue,
} from "../../notebook/outputs.ts";
import { splitUnit } from "../../notebook/plain_data.ts";
import { maskText } from "./text.ts";

/** Numbers or texts of one kind: a table's column, or a single value. */
export interface Series {
  name: string;
  unit?: string;
  values: DataValue[];
}

/** What is compared of an output. */
export interface ObservedOutput {
  /** The kind that lib/notebook gave it, or "text", "value", "stream" or "error". */
  kind: string;
  /** The name by which links find it. */
  id?: string;
  /** MIME types, in the bundle's order. */
  mimes?: string[];
  /** Of a figure: titles of its axes, and each trace with its type and name. */
  axes?: string[];
  traces?: string[];
  /** Captions, printed and shown texts. */
  text?: string;
  /** The numbers, by column. */
  series?: Series[];
}

/** What is compared of a cell. */
export interface ObservedCell {
  /** The cell's id. */
  cell: string;
  outputs: ObservedOutput[];
}

/**
 * What an executed notebook shows, cell by cell, without what belongs to the run alone: pixels,
 * clocks, and where it ran.
 */
export function observe(notebook: NotebookFile): ObservedCell[] {
  const outputs = notebook.cells.flatMap((cell) => cell.outputs ?? []);
  const machine = machineNames(outputs);
  return notebook.cells.flatMap((cell, index) => {
    if (cell.cell_type !== "code" || !cell.outputs?.length) return [];
    const observed = cell.outputs.map((output) => observeOutput(output, machine));
    return [{ cell: cell.id ?? `cell-${index + 1}`, outputs: observed }];
  });
}

/** The adapter's and driver's names, longest first, as the provenance output has them. */
function machineNames(outputs: readonly NotebookOutput[]): string[] {
  const names = outputs.flatMap((output) => {
    const metadata = outputMetadata(output);
    if (metadata?.kind !== "provenance") return [];
    const { adapter, driver } = metadata.provenance;
    return [adapter, driver].filter((name) => typeof name === "string" && name !== "");
  }) as string[];
  return names.sort((a, b) => b.length - a.length);
}

function observeOutput(output: NotebookOutput, machine: readonly string[]): ObservedOutput {
  const mask = (text: unknown) => maskText(stripAnsi(joinText(text)), machine);
  if (output.output_type === "stream") {
    return { kind: "stream", id: output.name, text: mask(output.text) };
  }
  if (output.output_type === "error") {
    return { kind: "error", text: mask(`${output.ename}: ${output.evalue}`) };
  }
  const data = output.data ?? {};
  const mimes = Object.keys(data);
  const metadata = outputMetadata(output);
  switch (metadata?.kind) {
    case "figure":
      return {
        ...{ kind: metadata.kind, id: metadata.id, mimes },
        ...plotlyParts(data[PLOTLY_MIME]),
        text: mask(metadata.caption),
        series: seriesOf(metadata.table, mask),
      };
    case "table":
      return {
        ...{ kind: metadata.kind, id: metadata.id, mimes, text: mask(metadata.caption) },
        series: seriesOf(metadata.table, mask),
      };
    case "live-plot": // its points stand where the clock happened to be, but for the last ones
      return {
        ...{ kind: metadata.kind, id: metadata.id, mimes, text: mask(metadata.caption) },
        series: seriesOf(lastOfEach(metadata.table), mask),
      };
    case "result":
      return { kind: metadata.kind, mimes, series: metadata.values.map(resultSeries(mask)) };
    case "progress":
      return {
        ...{ kind: metadata.kind, id: metadata.label, mimes },
        text: `${metadata.total} steps, ${metadata.finished ? "finished" : "not finished"}`,
      };
    case "caption":
      return { kind: metadata.kind, id: metadata.of, mimes };
    case "provenance": // where it ran is another machine's business
      return { kind: metadata.kind, mimes };
  }
  const kind = output.output_type === "execute_result" ? "value" : "text";
  return { kind, mimes, text: mask(data["text/markdown"] ?? data["text/plain"]) };
}

type Json = Record<string, unknown>;

function plotlyParts(figure: unknown): Pick<ObservedOutput, "axes" | "traces"> {
  const { data = [], layout = {} } = (figure ?? {}) as { data?: Json[]; layout?: Json };
  const titleOf = (title: unknown) => typeof title === "string" ? title : (title as Json)?.text;
  const axes = Object.keys(layout).filter((key) => /^[xyz]axis\d*$/.test(key)).sort()
    .map((key) => titleOf((layout[key] as Json).title)).filter((title) => title !== undefined);
  return {
    axes: axes.map(String),
    traces: data.map(({ type = "scatter", name }) => [type, name].filter(Boolean).join(": ")),
  };
}

/** The columns of a table; where a column mixes kinds, each of its values is a series of its own. */
function seriesOf(table: DataTable, mask: (text: string) => string): Series[] {
  return table.columns.flatMap(({ name, unit }, index) => {
    const values = table.rows.map((row) => maskValue(row[index], mask));
    const kinds = new Set(values.filter((value) => value !== null).map((value) => typeof value));
    const column = { name: mask(name).trim(), ...unit !== undefined && { unit } };
    if (kinds.size < 2) return [{ ...column, values }];
    return values.map((value, row) => {
      const of = splitUnit(String(maskValue(table.rows[row][0], mask)));
      const its = unit ?? of.unit;
      return { name: `${of.name}: ${column.name}`, ...its && { unit: its }, values: [value] };
    });
  });
}

function maskValue(value: DataValue, mask: (text: string) => string): DataValue {
  return typeof value === "string" ? mask(value) : value;
}

function resultSeries(mask: (text: string) => string): (result: ResultValue) => Series {
  return ({ name, unit, value }) => ({
    ...{ name: mask(name), ...unit !== undefined && { unit } },
    values: [maskValue(value, mask)],
  });
}

/** The last row of each series, by the first column. */
function lastOfEach({ columns, rows }: DataTable): DataTable {
  const last = new Map(rows.map((row) => [row[0], row]));
  return { columns, rows: [...last.values()] };
}
