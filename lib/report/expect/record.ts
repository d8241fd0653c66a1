import type { DataValue } from "../../notebook/outputs.ts";
import type { ObservedCell, ObservedOutput, Series } from "./observe.ts";
import { ruleOf, toleranceText } from "./rules.ts";
import { fingerprint, splitNumbers } from "./text.ts";

/** A series as the file holds it: whole if it is short, else as a few numbers that stand for it. */
export interface RecordedSeries {
  name: string;
  unit?: string;
  /** Of numbers: how far they may be off. */
  tolerance?: string;
  /** Why it is not compared; then nothing else of it is kept. */
  "not compared"?: string;
  values?: DataValue[];
  summary?: Record<string, DataValue>;
}

/** An output as the file holds it. */
export type RecordedOutput = Omit<ObservedOutput, "series"> & { series?: RecordedSeries[] };

/** What is compared of a notebook, as the file holds it. */
export interface Expectations {
  /** File name without extension. */
  notebook: string;
  scale: string;
  seed: number;
  /** The adapter on which it was recorded. */
  adapter: string;
  cells: { cell: string; outputs: RecordedOutput[] }[];
}

/** Longer series are summarised, longer texts are kept as their beginning and a fingerprint. */
const LONGEST_SERIES = 16;
const LONGEST_TEXT = 500;

/** Cells as the file holds them. */
export function recordCells(
  notebook: string,
  cells: readonly ObservedCell[],
): Expectations["cells"] {
  return cells.map(({ cell, outputs }) => ({
    cell,
    outputs: outputs.map((output) => recordOutput(output, { notebook, cell })),
  }));
}

/**
 * An output as the file holds it.
 *
 * @param longest series with more values are summarised; texts are shortened unless it is Infinity
 */
export function recordOutput(
  { series, ...output }: ObservedOutput,
  place: { notebook: string; cell: string },
  longest = LONGEST_SERIES,
): RecordedOutput {
  return {
    ...output,
    ...output.text !== undefined && { text: shortText(output.text, longest) },
    ...series && { series: series.map((each) => recordSeries(each, place, longest)) },
  };
}

function recordSeries(
  { name, unit, values }: Series,
  place: { notebook: string; cell: string },
  longest: number,
): RecordedSeries {
  const head = { name, ...unit !== undefined && { unit } };
  const numbers = values.filter((value) => typeof value === "number");
  const numeric = numbers.length > 0;
  const rule = ruleOf({ ...place, name, unit, whole: numbers.every(Number.isInteger) });
  if (typeof rule === "string" && numeric) return { ...head, "not compared": rule };
  const tolerance = typeof rule !== "string" && numeric && { tolerance: toleranceText(rule) };
  const short = values.map((value) =>
    typeof value === "string" ? shortText(value, longest) : value
  );
  if (values.length <= longest) return { ...head, ...tolerance, values: short };
  return { ...head, ...tolerance, summary: numeric ? sumUp(values) : sumUpTexts(short) };
}

/** Numbers that change if any of many does. */
function sumUp(values: readonly DataValue[]): Record<string, DataValue> {
  const numbers = values.filter((value) => typeof value === "number");
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  return {
    rows: values.length,
    numbers: numbers.length,
    first: values[0],
    last: values.at(-1)!,
    least: numbers.reduce((a, b) => Math.min(a, b)),
    most: numbers.reduce((a, b) => Math.max(a, b)),
    mean: Number(mean.toPrecision(6)),
  };
}

function sumUpTexts(values: readonly DataValue[]): Record<string, DataValue> {
  return {
    rows: values.length,
    different: new Set(values).size,
    first: values[0],
    last: values.at(-1)!,
    fingerprint: fingerprint(splitNumbers(values.join("\n")).words),
  };
}

function shortText(text: string, longestSeries: number): string {
  if (text.length <= LONGEST_TEXT || longestSeries === Infinity) return text;
  const print = fingerprint(splitNumbers(text).words);
  return `${text.slice(0, 80)} … (${text.length} characters, words ${print})`;
}
