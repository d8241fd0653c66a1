import type { DataColumn, DataTable, DataValue } from "./outputs.ts";
import { dataValue, splitUnit } from "./plain_data.ts";
import type { PlotlyFigure } from "./plotly_svg.ts";

type Json = Record<string, unknown>;

/**
 * The numbers of a figure as a table.
 *
 * Traces over the same x become columns beside it; others are put one below the other, with a first
 * column that names the trace, and a column for each title of an axis. Columns are called after the
 * traces and the titles of the axes; an axis without one counts as the figure's first.
 */
export function figureTable(figure: PlotlyFigure): DataTable {
  const traces = figure.data.map((trace, index) => readTrace(trace, index, figure.layout));
  const [first] = traces;
  const together = traces.length > 1 && !first.z &&
    traces.every((trace) =>
      !trace.z && trace.named && trace.xTitle === first.xTitle && trace.yTitle === first.yTitle &&
      trace.y.length === first.x.length && sameValues(trace.x, first.x)
    );
  if (together) {
    const { name, unit } = splitUnit(first.yTitle);
    const columns = [
      column(first.xTitle, first.x),
      ...traces.map((trace) => ({
        name: unit === undefined ? `${trace.name}: ${name}` : trace.name,
        ...unit !== undefined && { unit },
        numeric: isNumeric(trace.y),
      })),
    ];
    const rows = first.x.map((x, i) => [x, ...traces.map((trace) => trace.y[i])]);
    return { columns, rows };
  }
  const several = traces.length > 1, withZ = traces.some((trace) => trace.z);
  const xTitles = distinct(traces.map((trace) => trace.xTitle));
  const yTitles = distinct(traces.map((trace) => trace.yTitle));
  const rows = traces.flatMap((trace) =>
    pointsOf(trace).map(([x, y, z = null]) => [
      ...several ? [trace.name] : [],
      ...xTitles.map((title) => title === trace.xTitle ? x : null),
      ...yTitles.map((title) => title === trace.yTitle ? y : null),
      ...withZ ? [z] : [],
    ])
  );
  const titles = [...xTitles, ...yTitles];
  if (withZ) titles.push(traces.find((trace) => trace.z)!.zTitle);
  const columns = titles.map((title, i) =>
    column(title, rows.map((row) => row[i + (several ? 1 : 0)]))
  );
  if (several) columns.unshift({ name: "Series", numeric: false });
  return { columns, rows };
}

/** The different titles, in order; at least one. */
function distinct(titles: string[]): string[] {
  return titles.length === 0 ? ["x"] : [...new Set(titles)];
}

interface Trace {
  name: string;
  named: boolean;
  x: DataValue[];
  y: DataValue[];
  z?: DataValue[][];
  xTitle: string;
  yTitle: string;
  zTitle: string;
}

function readTrace(trace: Json, index: number, layout: Json): Trace {
  const y = values(trace.y ?? trace.values ?? trace.r);
  const given = values(trace.x ?? trace.labels ?? trace.theta);
  const z = trace.z === undefined ? undefined : Array.from(trace.z as ArrayLike<unknown>, values);
  const x = given.length ? given : y.map((_, i) => i);
  return {
    name: typeof trace.name === "string" ? trace.name : `${index + 1}`,
    named: typeof trace.name === "string",
    x,
    y,
    z,
    xTitle: axisTitle(layout, trace.xaxis, "x"),
    yTitle: axisTitle(layout, trace.yaxis, "y"),
    zTitle: titleText((trace.colorbar as Json | undefined)?.title) ?? "Value",
  };
}

function pointsOf({ x, y, z }: Trace): DataValue[][] {
  if (z) {
    return z.flatMap((row, i) => row.map((value, j) => [x[j] ?? j, y[i] ?? i, value]));
  }
  const points = Math.max(x.length, y.length);
  return Array.from({ length: points }, (_, i) => [x[i] ?? null, y[i] ?? null]);
}

function axisTitle(layout: Json, reference: unknown, letter: string): string {
  const number = typeof reference === "string" ? reference.slice(1) : "";
  return titleText((layout[`${letter}axis${number}`] as Json | undefined)?.title) ??
    titleText((layout[`${letter}axis`] as Json | undefined)?.title) ?? letter;
}

function titleText(title: unknown): string | undefined {
  const text = typeof title === "string" ? title : (title as Json | undefined)?.text;
  return typeof text === "string" && text.trim() !== "" ? text.replace(/<[^>]*>/g, " ") : undefined;
}

function values(list: unknown): DataValue[] {
  if (!Array.isArray(list) && !ArrayBuffer.isView(list)) return [];
  return Array.from(list as ArrayLike<unknown>, (value) => dataValue(value));
}

function column(title: string, cells: DataValue[]): DataColumn {
  return { ...splitUnit(title), numeric: isNumeric(cells) };
}

function isNumeric(cells: DataValue[]): boolean {
  return cells.every((value) => value === null || typeof value === "number");
}

function sameValues(a: DataValue[], b: DataValue[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
