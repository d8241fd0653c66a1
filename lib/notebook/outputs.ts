/** A value of a data table: a number, a word, a yes or no, or nothing (also for NaN and ±Infinity). */
export type DataValue = number | string | boolean | null;

/** A column of a data table. */
export interface DataColumn {
  /** What the column holds, in words; does not repeat the unit. */
  name: string;
  /** The unit of its numbers, such as "ms" or "MiB". */
  unit?: string;
  /** Whether its values are numbers, to be aligned to the right. */
  numeric: boolean;
}

/** The data behind a figure or a table: what "show data" and the CSV download give. */
export interface DataTable {
  columns: DataColumn[];
  /** One array a row, in the order of `columns`; numbers are rounded, not formatted. */
  rows: DataValue[][];
}

/** `output.metadata.cutloss` of a figure. */
export interface FigureMetadata {
  kind: "figure";
  /** For links: lower case with hyphens, unique on a page if the author named it. */
  id: string;
  /** One or more sentences of plain text with inline Markdown; without "Figure N", a page counts. */
  caption: string;
  /** What the figure shows, for those who cannot see it. Plain text. */
  alt: string;
  /** The figure's numbers. */
  table: DataTable;
  /** Size of the static pictures in CSS pixels. */
  width: number;
  height: number;
}

/** `output.metadata.cutloss` of a table. */
export interface TableMetadata {
  kind: "table";
  id: string;
  /** Plain text with inline Markdown; may be empty; without "Table N". */
  caption: string;
  table: DataTable;
}

/** `output.metadata.cutloss` of the provenance box. */
export interface ProvenanceMetadata {
  kind: "provenance";
  id: "provenance";
  caption: string;
  /** Two columns, "What" and "Value". */
  table: DataTable;
  /** The same as named values: see `Provenance` in provenance.ts. */
  provenance: Record<string, unknown>;
}

/** `output.metadata.cutloss` of a progress bar, in its last state. */
export interface ProgressMetadata {
  kind: "progress";
  label: string;
  done: number;
  total: number;
  /** Elapsed time. */
  seconds: number;
  /** Whether all was done; false for one that was stopped before. */
  finished: boolean;
}

/** `output.metadata.cutloss` of a curve that was drawn while it grew. */
export interface LivePlotMetadata {
  kind: "live-plot";
  id: string;
  caption: string;
  alt: string;
  table: DataTable;
  /** Size of the pictures in CSS pixels, once it has become a figure. */
  width?: number;
  height?: number;
}

/** One number of a notebook's main result. */
export interface ResultValue {
  name: string;
  value: number | string;
  unit?: string;
}

/** `output.metadata.cutloss` of a notebook's main results. */
export interface ResultMetadata {
  kind: "result";
  values: ResultValue[];
}

/** `output.metadata.cutloss` of a figure's caption, for viewers that show none themselves. */
export interface CaptionMetadata {
  kind: "caption";
  /** The `id` of the figure before it. */
  of: string;
}

/** What Cutloss writes under the key `cutloss` of an output's metadata. */
export type OutputMetadata =
  | FigureMetadata
  | TableMetadata
  | ProvenanceMetadata
  | ProgressMetadata
  | LivePlotMetadata
  | CaptionMetadata
  | ResultMetadata;

/** The MIME type under which Jupyter's Plotly renderers look for a figure. */
export const PLOTLY_MIME = "application/vnd.plotly.v1+json";

/** Returns what Cutloss wrote into an output's metadata, or undefined for other outputs. */
export function outputMetadata(
  output: { metadata?: Record<string, unknown> },
): OutputMetadata | undefined {
  return output.metadata?.cutloss as OutputMetadata | undefined;
}
