import type { DataTable, DataValue } from "../notebook/outputs.ts";

/** A Plotly figure as a notebook stores it. */
export interface PlotlyFigure {
  data: Record<string, unknown>[];
  layout?: Record<string, unknown>;
  config?: Record<string, unknown>;
}

const TYPED_ARRAYS: Record<string, (buffer: ArrayBuffer) => ArrayLike<number>> = {
  f8: (buffer) => new Float64Array(buffer),
  f4: (buffer) => new Float32Array(buffer),
  i4: (buffer) => new Int32Array(buffer),
  u4: (buffer) => new Uint32Array(buffer),
  i2: (buffer) => new Int16Array(buffer),
  u2: (buffer) => new Uint16Array(buffer),
  i1: (buffer) => new Int8Array(buffer),
  u1: (buffer) => new Uint8Array(buffer),
};

/** A Plotly data array: a plain one, or Plotly's base64 form {dtype, bdata}. */
function values(data: unknown): DataValue[] {
  if (Array.isArray(data)) return data.map(asValue);
  const { dtype, bdata } = (data ?? {}) as { dtype?: string; bdata?: string };
  const read = dtype && TYPED_ARRAYS[dtype];
  if (!read || typeof bdata !== "string") return [];
  const bytes = Uint8Array.from(atob(bdata), (character) => character.charCodeAt(0));
  return Array.from(read(bytes.buffer), asValue);
}

function asValue(value: unknown): DataValue {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "string" || typeof value === "boolean") return value;
  return value === null || value === undefined ? null : JSON.stringify(value);
}

function axisTitle(layout: Record<string, unknown> | undefined, axis: string): string {
  const title = (layout?.[axis] as { title?: unknown } | undefined)?.title;
  const text = typeof title === "string" ? title : (title as { text?: unknown })?.text;
  return typeof text === "string" && text ? text : axis[0];
}

/**
 * The numbers of a Plotly figure as a table of trace, x, y and, where there is one, z: for figures
 * that come without a table of their own. Undefined if no trace has any points.
 */
export function plotlyTable(figure: PlotlyFigure): DataTable | undefined {
  const rows: DataValue[][] = [];
  let hasZ = false;
  figure.data.forEach((trace, index) => {
    const name = typeof trace.name === "string" ? trace.name : `${index + 1}`;
    const x = values(trace.x ?? trace.labels), y = values(trace.y ?? trace.values);
    if (Array.isArray(trace.z)) {
      hasZ = true;
      trace.z.forEach((line, i) =>
        values(line).forEach((z, j) => rows.push([name, x[j] ?? j, y[i] ?? i, z]))
      );
      return;
    }
    for (let i = 0; i < Math.max(x.length, y.length); i++) {
      rows.push([name, x[i] ?? null, y[i] ?? null]);
    }
  });
  if (rows.length === 0) return undefined;
  const numeric = (column: number) =>
    rows.every((row) => row[column] === null || typeof row[column] === "number");
  const columns = [
    { name: "Trace", numeric: false },
    { name: axisTitle(figure.layout, "xaxis"), numeric: numeric(1) },
    { name: axisTitle(figure.layout, "yaxis"), numeric: numeric(2) },
  ];
  if (hasZ) {
    columns.push({ name: "z", numeric: numeric(3) });
    for (const row of rows) row[3] ??= null;
  }
  return { columns, rows };
}
