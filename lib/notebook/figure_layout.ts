import type { PlotlyFigure } from "./plotly_svg.ts";
import { ticksFor } from "./axis_ticks.ts";
import { COLOUR_SCALE, DASHES, FONT_FAMILY, SYMBOLS, theme } from "./theme.ts";

type Json = Record<string, unknown>;

/** Types of Plotly traces that stand on two axes. */
const CARTESIAN = new Set([
  ...["scatter", "scattergl", "bar", "box", "violin", "histogram", "histogram2d"],
  ...["histogram2dcontour", "heatmap", "contour", "waterfall", "funnel", "image"],
]);

/**
 * Gives a figure the looks of this house where its author said nothing: colours, dashes and markers
 * of series, fonts, grids, margins, legend.
 *
 * @throws Error if an axis of a cartesian plot has no title
 */
export function houseStyle(figure: PlotlyFigure): PlotlyFigure {
  const data = figure.data.map((trace, index) => styledTrace(trace, index));
  const layout = merge(baseLayout(data, figure.layout.title !== undefined), figure.layout);
  for (const axis of axesOf(figure)) {
    const given = axisOf(layout, axis);
    layout[axis] = merge({ ...baseAxis(), ...ticksFor(axis, given, data) }, given);
    requireTitle(axis, layout[axis] as Json);
  }
  return { data, layout };
}

function baseLayout(data: Json[], titled: boolean): Json {
  const colours = theme.light;
  return {
    paper_bgcolor: colours.paper,
    plot_bgcolor: colours.paper,
    colorway: [...colours.series],
    font: { family: FONT_FAMILY, size: 13, color: colours.ink },
    margin: { l: 72, r: 24, t: titled ? 64 : 24, b: 60 },
    hoverlabel: { font: { family: FONT_FAMILY } },
    showlegend: data.filter((trace) => trace.name && trace.showlegend !== false).length > 1,
    legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom" },
  };
}

function baseAxis(): Json {
  const colours = theme.light;
  return {
    color: colours.ink,
    gridcolor: colours.grid,
    zerolinecolor: colours.grid,
    linecolor: colours.muted,
    tickcolor: colours.muted,
    showline: true,
    ticks: "outside",
    tickfont: { size: 12, color: colours.muted },
    title: { standoff: 12 },
    automargin: true,
    exponentformat: "power",
    minexponent: 5,
  };
}

function styledTrace(trace: Json, index: number): Json {
  const { series } = theme.light;
  const colour = series[index % series.length];
  const type = (trace.type as string | undefined) ?? "scatter";
  if (type === "scatter" || type === "scattergl") {
    const mode = (trace.mode as string | undefined) ?? "lines+markers";
    const line = { color: colour, width: 2, dash: DASHES[index % DASHES.length] };
    const marker = { color: colour, size: 7, symbol: SYMBOLS[index % SYMBOLS.length] };
    const styled = merge({ type, mode, line, marker }, trace);
    if (!mode.includes("markers")) delete styled.marker;
    if (!mode.includes("lines") && !trace.line) delete styled.line;
    return styled;
  }
  if (["bar", "histogram", "waterfall", "funnel"].includes(type)) {
    return merge({ marker: { color: colour } }, trace);
  }
  if (["heatmap", "contour", "histogram2d"].includes(type)) {
    const bar = { outlinewidth: 0, thickness: 14, tickfont: { color: theme.light.muted } };
    const smooth = type === "heatmap" ? { zsmooth: false } : {};
    return merge({ ...smooth, colorscale: COLOUR_SCALE, colorbar: bar }, trace);
  }
  return { ...trace };
}

/** The layout keys of all axes that the figure names or its traces stand on. */
function axesOf({ data, layout }: PlotlyFigure): string[] {
  const axes = new Set(Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key)));
  for (const trace of data) {
    if (!CARTESIAN.has((trace.type as string | undefined) ?? "scatter")) continue;
    for (const letter of ["x", "y"]) {
      const reference = (trace[`${letter}axis`] as string | undefined) ?? letter;
      axes.add(`${letter}axis${reference.slice(1)}`);
    }
  }
  return [...axes];
}

/** The author's axis, its title written out as an object. */
function axisOf(layout: Json, axis: string): Json {
  const given = (layout[axis] ?? {}) as Json;
  return typeof given.title === "string" ? { ...given, title: { text: given.title } } : given;
}

function requireTitle(axis: string, settings: Json): void {
  const hidden = settings.visible === false || settings.showticklabels === false;
  const text = (settings.title as Json | undefined)?.text;
  if (hidden || settings.matches || (typeof text === "string" && text.trim() !== "")) return;
  throw new Error(
    `figure: layout.${axis} has no title; expected what it shows and the unit, such as ` +
      `{ title: "Time (ms)" }.`,
  );
}

/** `over` on top of `base`, object by object; arrays are replaced whole. */
function merge(base: Json, over: Json): Json {
  const merged: Json = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    merged[key] = isObject(value) && isObject(base[key]) ? merge(base[key], value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !ArrayBuffer.isView(value);
}
