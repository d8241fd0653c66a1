import type { DataValue } from "../../notebook/outputs.ts";
import type { ObservedCell, ObservedOutput } from "./observe.ts";
import { type RecordedOutput, type RecordedSeries, recordOutput } from "./record.ts";
import { agree, readTolerance, textTolerance, type Tolerance } from "./rules.ts";
import { textsAgree } from "./text.ts";

/**
 * Compares what a notebook shows with what was recorded.
 *
 * @param exact all series whole, and texts and numbers the same to the last digit
 * @returns a sentence for each difference that names cell, output and value; none if all agree
 */
export function compareCells(
  notebook: string,
  observed: readonly ObservedCell[],
  recorded: readonly { cell: string; outputs: readonly RecordedOutput[] }[],
  exact = false,
): string[] {
  const differences: string[] = [];
  const inText = exact ? undefined : textTolerance(notebook);
  const now = new Map(observed.map(({ cell, outputs }) => [cell, outputs]));
  for (const { cell, outputs } of recorded) {
    const found = now.get(cell);
    now.delete(cell);
    if (!found) {
      differences.push(`cell ${cell}: shows nothing; ${count(outputs.length)} recorded.`);
      continue;
    }
    const seen = found.map((output) =>
      recordOutput(output, { notebook, cell }, exact ? Infinity : undefined)
    );
    const kinds = (list: readonly RecordedOutput[]) => list.map(nameOf).join(", ");
    if (kinds(seen) !== kinds(outputs)) {
      differences.push(`cell ${cell}: shows ${kinds(seen)}; recorded: ${kinds(outputs)}.`);
      continue;
    }
    outputs.forEach((output, i) => {
      for (const difference of compareOutput(seen[i], output, inText)) {
        differences.push(`cell ${cell}, ${nameOf(output)}: ${difference}`);
      }
    });
  }
  for (const [cell, outputs] of now) {
    differences.push(`cell ${cell}: shows ${outputs.map(nameOf).join(", ")}; none recorded.`);
  }
  return differences;
}

function count(outputs: number): string {
  return outputs === 1 ? "1 output is" : `${outputs} outputs are`;
}

function nameOf({ kind, id }: { kind: string; id?: string }): string {
  return id === undefined ? kind : `${kind} ${id}`;
}

function compareOutput(
  seen: RecordedOutput,
  recorded: RecordedOutput,
  inText: Tolerance | undefined,
): string[] {
  const differences: string[] = [];
  for (const part of ["mimes", "axes", "traces"] as const) {
    const [a, b] = [seen[part], recorded[part]].map((list) => list?.join(" | ") ?? "none");
    if (!textsAgree(a, b, inText)) differences.push(`${PARTS[part]} are ${a}; recorded: ${b}.`);
  }
  if (!textsAgree(seen.text ?? "", recorded.text ?? "", inText)) {
    differences.push(`the text is “${seen.text ?? ""}”; recorded: “${recorded.text ?? ""}”.`);
  }
  const [a, b] = [seen.series ?? [], recorded.series ?? []];
  const headings = (series: RecordedSeries[]) => series.map(({ name }) => name).join(" | ");
  if (!textsAgree(headings(a), headings(b), inText)) {
    differences.push(`its columns are ${headings(a)}; recorded: ${headings(b)}.`);
  } else {
    b.forEach((series, i) => differences.push(...compareSeries(a[i], series, inText)));
  }
  return differences;
}

const PARTS = { mimes: "its MIME types", axes: "its axes", traces: "its traces" };

function compareSeries(
  seen: RecordedSeries,
  recorded: RecordedSeries,
  inText: Tolerance | undefined,
): string[] {
  if (recorded["not compared"] !== undefined) return [];
  const tolerance = recorded.tolerance === undefined ? inText : readTolerance(recorded.tolerance);
  const within = recorded.tolerance === undefined ? "" : ` within ${recorded.tolerance}`;
  const [a, b] = [factsOf(seen), factsOf(recorded)];
  if (a.length !== b.length) {
    return [`${recorded.name} has ${a.length} values; recorded: ${b.length}.`];
  }
  return b.flatMap(([what, expected], i) => {
    const value = a[i][1];
    if (sameValue(value, expected, tolerance)) return [];
    const place = what === "" ? recorded.name : `${recorded.name}, ${what}`;
    return [`${place} is ${shown(value)}; recorded: ${shown(expected)}${within}.`];
  });
}

/** What there is to compare of a series, each with its place in words. */
function factsOf({ values, summary }: RecordedSeries): [string, DataValue][] {
  if (summary) return Object.entries(summary);
  const list = values ?? [];
  return list.map((value, i) => [list.length === 1 ? "" : `row ${i + 1}`, value]);
}

function sameValue(
  value: DataValue,
  recorded: DataValue,
  tolerance: Tolerance | undefined,
): boolean {
  if (typeof value === "number" && typeof recorded === "number") {
    return tolerance ? agree(value, recorded, tolerance) : value === recorded;
  }
  if (typeof value === "string" && typeof recorded === "string") {
    return textsAgree(value, recorded, tolerance);
  }
  return value === recorded;
}

function shown(value: DataValue): string {
  return typeof value === "string" ? `“${value}”` : String(value ?? "missing");
}

/**
 * Compares two executions of one notebook on one adapter: all that is compared at all must be the
 * same to the last bit.
 *
 * @returns a sentence for each difference
 */
export function compareRuns(
  notebook: string,
  first: readonly ObservedCell[],
  second: readonly ObservedCell[],
): string[] {
  const exact = (cells: readonly ObservedCell[]) =>
    cells.map(({ cell, outputs }) => ({
      cell,
      outputs: outputs.map((output) => exactly(output, { notebook, cell })),
    }));
  return compareCells(notebook, second, exact(first), true);
}

function exactly(
  output: ObservedOutput,
  place: { notebook: string; cell: string },
): RecordedOutput {
  const recorded = recordOutput(output, place, Infinity);
  for (const series of recorded.series ?? []) {
    if (series.tolerance !== undefined) series.tolerance = "0 + 0·|x|";
  }
  return recorded;
}
