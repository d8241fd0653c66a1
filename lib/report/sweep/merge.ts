import { figureOutput } from "../../notebook/figure.ts";
import type { Output } from "../../notebook/display.ts";
import { formatNumber } from "../../notebook/format_number.ts";
import { slug } from "../../notebook/plain_data.ts";
import { resultOutput } from "../../notebook/result.ts";
import { tableOutput } from "../../notebook/table.ts";
import { columnTitle } from "../data_table.ts";
import { describeNotebook, plainText } from "../describe.ts";
import type { NotebookCell, NotebookFile } from "../nbformat.ts";
import { parametersText } from "./grid.ts";
import type { Sweep } from "./points.ts";

/** A point's parameters and main results, by heading. */
interface Row {
  parameters: Record<string, string | number | boolean>;
  results: Map<string, number | string>;
}

/**
 * Merges the points of a sweep into a notebook with tables and figures over the parameters, which
 * is exported like any other.
 */
export async function mergeSweep({ name, points, missing }: Sweep): Promise<NotebookFile> {
  const descriptions = points.map(({ notebook }) => describeNotebook(notebook, name));
  const rows = points.map(({ parameters }, i): Row => ({
    parameters,
    results: new Map(
      descriptions[i].results.map((value) => [
        columnTitle({ ...value, numeric: true }),
        value.value,
      ]),
    ),
  }));
  const [{ over, command }] = points;
  const title = plainText(descriptions[0].title);
  const swept = Object.entries(over).map(([key, values]) => `\`${key}\` (${values.join(", ")})`);
  const text = [
    `# ${title}: a sweep`,
    `The notebook *${title}* was executed ${points.length} times, over ${swept.join(" and ")}. ` +
    "Each line of the first table is one execution with its main results.",
    ...missing.length > 0
      ? [
        `**${missing.length} of ${points.length + missing.length} executions are missing:** ${
          missing.map(({ parameters }) => parametersText(parameters)).join("; ")
        }.`,
      ]
      : [],
  ];
  const figures: Output[] = [];
  for (const heading of headingsOf(rows)) {
    const drawn = await figureOf(heading, rows, Object.keys(over));
    if (drawn) figures.push(drawn);
  }
  const machines = tableOutput(
    points.map(({ parameters }, i) => ({
      ...parameters,
      "Adapter": descriptions[i].provenance?.values.adapter ?? "none",
      "System": descriptions[i].provenance?.values.system ?? "",
      "Executed": descriptions[i].run.executed?.slice(0, 16).replace("T", " ") ?? "",
      "Took (s)": descriptions[i].run.seconds ?? null,
    })),
    { id: "executions", caption: "Where and when each point was executed (UTC)." },
  );
  const cells: NotebookCell[] = [
    { id: "about", cell_type: "markdown", metadata: {}, source: text.join("\n\n") },
    codeCell("merged", `// ${command}`, [resultTable(rows), ...figures]),
    { id: "where", cell_type: "markdown", metadata: {}, source: "## Where it ran" },
    codeCell("machines", "", [
      machines,
      resultOutput({ "Executions": points.length, "Executions missing": missing.length }),
    ]),
  ];
  const executed = descriptions.map(({ run }) => run.executed ?? "").sort().at(-1);
  const summary = `${points.length} executions over ${Object.keys(over).join(" and ")}.`;
  const about = { title: `${title}: a sweep`, summary, command, ...executed && { executed } };
  return { nbformat: 4, nbformat_minor: 5, metadata: { cutloss: about }, cells };
}

function codeCell(id: string, source: string, outputs: Output[]): NotebookCell {
  return {
    ...{ id, cell_type: "code", metadata: {}, source, execution_count: null },
    outputs: outputs.map(({ data, metadata }) => ({
      output_type: "display_data",
      data,
      metadata: { cutloss: metadata },
    })),
  };
}

/** Headings of all results, in the order of the points. */
function headingsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap(({ results }) => [...results.keys()]))];
}

function resultTable(rows: readonly Row[]): Output {
  const headings = headingsOf(rows);
  return tableOutput(
    rows.map(({ parameters, results }) => ({
      ...parameters,
      ...Object.fromEntries(headings.map((heading) => [heading, results.get(heading) ?? null])),
    })),
    { id: "results", caption: "Main results of every execution." },
  );
}

/** A group of executions that differ in their seed alone. */
interface Group {
  series: string;
  x: string | number;
  values: number[];
}

/**
 * A result over the first parameter that is not the seed (over the seed if there is no other), a
 * line for each combination of the others, with the mean and the range over seeds.
 */
async function figureOf(
  heading: string,
  rows: readonly Row[],
  parameters: readonly string[],
): Promise<Output | undefined> {
  const others = parameters.filter((name) => name !== "seed");
  const [along = "seed", ...apart] = others;
  const groups = new Map<string, Group>();
  for (const { parameters, results } of rows) {
    const value = results.get(heading);
    if (typeof value !== "number") continue;
    const series = parametersText(Object.fromEntries(apart.map((key) => [key, parameters[key]])));
    const at = parameters[along];
    const x = typeof at === "number" ? at : String(at);
    const key = JSON.stringify([series, x]);
    const group = groups.get(key) ?? { series, x, values: [] };
    group.values.push(value);
    groups.set(key, group);
  }
  const all = [...groups.values()];
  if (new Set(all.map(({ x }) => x)).size < 2) return undefined;
  const [low, high] = [Math.min, Math.max].map((of) => of(...all.flatMap(({ values }) => values)));
  if (low === high) return undefined; // the table says it
  const repeated = all.some(({ values }) => values.length > 1);
  const lines = Map.groupBy(all, ({ series }) => series);
  // Seeds have an order but no distances.
  const numeric = along !== "seed" && all.every(({ x }) => typeof x === "number");
  const spread = repeated
    ? " Points are means over the seeds, bars reach from the least to the most."
    : "";
  return await figureOutput({
    id: slug(heading),
    data: [...lines].map(([series, group]) => ({
      name: series || heading,
      mode: numeric ? "lines+markers" : "markers",
      x: group.map(({ x }) => numeric ? x : String(x)),
      y: group.map(({ values }) => mean(values)),
      ...repeated && { error_y: errorBars(group) },
    })),
    layout: {
      xaxis: { title: along, ...numeric ? {} : { type: "category" } },
      yaxis: { title: heading },
      showlegend: lines.size > 1,
    },
    height: 400, // room for a long title of the y axis
    table: {
      columns: [
        ...lines.size > 1 ? [{ name: "Series", numeric: false }] : [],
        { name: along, numeric },
        { name: "Mean", numeric: true },
        { name: "Least", numeric: true },
        { name: "Most", numeric: true },
        { name: "Executions", numeric: true },
      ],
      rows: all.map(({ series, x, values }) => [
        ...lines.size > 1 ? [series] : [],
        ...[x, mean(values), Math.min(...values), Math.max(...values), values.length],
      ]),
    },
    caption: `${heading} over ${along}.${spread}`,
    alt: `${heading} for ${new Set(all.map(({ x }) => x)).size} values of ${along}, from ` +
      `${formatNumber(low)} to ${formatNumber(high)}.`,
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function errorBars(groups: readonly Group[]): Record<string, unknown> {
  return {
    type: "data",
    symmetric: false,
    array: groups.map(({ values }) => Math.max(...values) - mean(values)),
    arrayminus: groups.map(({ values }) => mean(values) - Math.min(...values)),
  };
}
