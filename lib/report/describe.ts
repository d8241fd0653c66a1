import { markdownRenderer } from "./markdown.ts";
import { cellTags, joinText, type NotebookFile, type NotebookOutput } from "./nbformat.ts";
import {
  type DataTable,
  outputMetadata,
  type ProvenanceMetadata,
  type ResultValue,
} from "../notebook/outputs.ts";

/** What an index says about a notebook. */
export interface NotebookDescription {
  /** File name without extension, such as "06-cut-cross-entropy". */
  name: string;
  /** The number at the front of the name, such as "06"; empty if there is none. */
  number: string;
  title: string;
  /** One sentence of Markdown. */
  summary: string;
  /** The main results: what, value, unit. */
  results: ResultValue[];
  /** The figure that stands for the notebook. */
  picture?: { svg?: string; png?: string; alt: string };
  provenance?: { values: Record<string, unknown>; table: DataTable };
  /** What the executor wrote about the run. */
  run: {
    scale?: string;
    seed?: number;
    executed?: string;
    seconds?: number;
    deno?: string;
    command?: string;
  };
  /** Whether a cell ended with an error that it was not meant to end with. */
  failed: boolean;
}

/**
 * Describes a notebook by `metadata.cutloss` of its file, as far as it is there, and else by its
 * content:
 *
 * | key | what | without it |
 * | --- | --- | --- |
 * | `title` | plain text | the first heading of level 1 |
 * | `summary` | one sentence of Markdown | the first paragraph's first sentence |
 * | `picture` | id of a figure | the first figure |
 * | `scale`, `seed` | written by the executor | those of the output of kind `provenance` |
 * | `executed`, `seconds`, `deno` | written by the executor | left out |
 * | `command` | what repeats it, as `deno task …` | `deno task report` with scale and seed |
 *
 * The main results are the values of the notebook's outputs of kind `result`.
 */
export function describeNotebook(notebook: NotebookFile, name: string): NotebookDescription {
  const about = (notebook.metadata.cutloss ?? {}) as Record<string, unknown>;
  const markdown = notebook.cells.filter((cell) => cell.cell_type === "markdown")
    .map((cell) => joinText(cell.source)).join("\n\n");
  const outputs = notebook.cells.flatMap((cell) => cell.outputs ?? []);
  const provenance = outputs.map(outputMetadata).find((metadata): metadata is ProvenanceMetadata =>
    metadata?.kind === "provenance"
  );
  const values = provenance?.provenance ?? {};
  return {
    name,
    number: /^\d+/.exec(name)?.[0] ?? "",
    title: text(about.title) ?? /^#\s+(.+?)\s*#*$/m.exec(markdown)?.[1] ?? name,
    summary: text(about.summary) ?? firstSentence(markdown),
    results: outputs.flatMap(resultValues),
    picture: findPicture(outputs, text(about.picture)),
    provenance: provenance && { values: provenance.provenance, table: provenance.table },
    run: {
      scale: text(about.scale) ?? text(values.scale),
      seed: number(about.seed) ?? number(values.seed),
      executed: text(about.executed),
      seconds: number(about.seconds),
      deno: text(about.deno),
      command: text(about.command),
    },
    failed: notebook.cells.some((cell) =>
      !cellTags(cell).includes("raises-exception") &&
      cell.outputs?.some((output) => output.output_type === "error")
    ),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function firstSentence(markdown: string): string {
  const paragraph = markdown.split(/\n\s*\n/).map((part) => part.trim())
    .find((part) => part !== "" && !/^(#|\||```|>|[-*+] |\$\$|<|!\[)/.test(part));
  const line = paragraph?.replace(/\s+/g, " ") ?? "";
  return /^.*?[.!?](?=\s|$)/.exec(line)?.[0] ?? line;
}

function resultValues(output: NotebookOutput): ResultValue[] {
  const metadata = outputMetadata(output);
  return metadata?.kind === "result" ? metadata.values : [];
}

function findPicture(outputs: NotebookOutput[], id?: string): NotebookDescription["picture"] {
  const figures = outputs.flatMap((output) => {
    const metadata = outputMetadata(output);
    return metadata?.kind === "figure" ? [{ output, metadata }] : [];
  });
  const chosen = figures.find(({ metadata }) => metadata.id === id) ?? figures[0];
  if (!chosen) return undefined;
  return {
    svg: joinText(chosen.output.data?.["image/svg+xml"]) || undefined,
    png: joinText(chosen.output.data?.["image/png"]) || undefined,
    alt: chosen.metadata.alt,
  };
}

/** A line of Markdown as HTML, for titles and summaries outside of their page. */
export function inlineMarkdown(source: string): string {
  return markdownRenderer().renderInline(source);
}

/** A line of Markdown as plain text, for a window's title. */
export function plainText(source: string): string {
  return source.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[*_`$]/g, "");
}
