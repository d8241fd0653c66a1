import { colourBarsAbove, labelsOf, legendHeight, titleOf, widthOf, wrap } from "./fit_text.ts";
import type { Plot } from "./paint.ts";
import { isSideBySide, type Panel, panelsOf, stack } from "./stack_panels.ts";

type Json = Record<string, unknown>;

/** Below this width in pixels a figure is drawn for a phone. */
export const NARROW = 640;

/** A figure and the size to draw it in. */
export interface FittedFigure {
  plot: Plot;
  width: number;
  height: number;
}

/** Sizes of text on a phone, in pixels. */
const TITLE = 13, TICK = 11;
/** Room for a row of labels on the y axis, and for a column of numbers in a heat map. */
const ROW = 15, CELL = 24;
/** Space beside the plot on the right, and height of a panel that has no rows to count. */
const RIGHT = 14, PANEL = 200;

/**
 * A figure for a column of some width: as it is where there is room for it.
 *
 * On a phone, panels that stand side by side are put one below the other, titles of axes are broken
 * into lines, labels that would meet stand upright, and colour bars lie above. What needs more room
 * even so is drawn wider, for the page to scroll.
 *
 * @param own the size that the figure was made for
 */
export function fitFigure(
  plot: Plot,
  own: { width: number; height: number },
  available: number,
): FittedFigure {
  const proportional = Math.round(
    Math.max(available * own.height / own.width, Math.min(340, own.height)),
  );
  if (available >= NARROW) return { plot, width: available, height: proportional };
  const data = plot.data.map((trace) => ({ ...trace as Json }));
  const layout = structuredClone(plot.layout) as Json;
  const panels = panelsOf(layout);
  const stacked = isSideBySide(panels);
  if (stacked) nameRows(layout, panels);

  const needs = panels.map((panel) => needOf(panel, layout, data, available));
  const width = Math.max(available, ...needs.map((need) => need.width));
  for (const [i, { x, y }] of panels.entries()) {
    const { inner, upright } = needs[i];
    const room = Math.max(inner, width - (needs[i].width - inner));
    setAxis(layout, x, room, { ...upright && { tickangle: -90 } });
    setAxis(layout, y, needs[i].height);
  }
  const headings = hasHeadings(layout);
  const between = needs.map(({ below }, i) =>
    below + titleHeight(layout, panels[i].x) + (headings ? 26 : 10)
  );
  const inside = needs.reduce((sum, { height }) => sum + height, 0);
  const gaps = between.slice(0, -1).reduce((sum, gap) => sum + gap, 0);
  const plotHeight = stacked ? inside + gaps : Math.max(inside, proportional - 120);
  const legend = legendHeight(data, layout, width);
  const above = headings ? 30 : 8;
  const bars = colourBarsAbove(data, 1 + (above + legend) / plotHeight);
  if (stacked) {
    stack(layout, panels, needs.map(({ height }) => height), between, own.height - 90);
  }
  // One above the other already, perhaps with a slider: as high as it was made.
  const rows = new Set(panels.map(({ yDomain }) => yDomain[0])).size;
  const height = !stacked && rows > 1
    ? own.height
    : plotHeight + above + legend + bars + (between.at(-1) ?? 60) + 16;
  const font = { ...layout.font as Json, size: 12 };
  const margin = { l: 8, r: rightOf(data), t: above + 4, b: 8 };
  const place = { ...layout.legend as Json, y: 1 + above / plotHeight };
  return {
    // A finger that moves over the figure scrolls the page instead of choosing a part of the figure.
    plot: { data, layout: { dragmode: false, ...layout, font, margin, legend: place } },
    width: Math.round(width),
    height: Math.round(Math.max(height, proportional)),
  };
}

/** What a panel needs: its width with labels, its parts, and the height of its labels below. */
interface Need {
  width: number;
  inner: number;
  height: number;
  below: number;
  upright: boolean;
}

function needOf(panel: Panel, layout: Json, data: Json[], available: number): Need {
  const traces = data.filter((trace) =>
    (trace.xaxis ?? "x") === panel.xId && (trace.yaxis ?? "y") === panel.yId
  );
  const columns = labelsOf(layout[panel.x] as Json, traces, "x");
  const rows = labelsOf(layout[panel.y] as Json, traces, "y");
  const second = Object.values(layout).some((axis) =>
    (axis as Json)?.overlaying === panel.yId && (axis as Json).side === "right"
  );
  const left = 32 + (rows ? Math.max(...rows.map((label) => widthOf(label, TICK))) : 36);
  const beside = left + rightOf(data) + (second ? 56 : 0);
  const inner = available - beside;
  const longest = Math.max(0, ...columns?.map((label) => widthOf(label, TICK)) ?? []);
  const upright = columns !== undefined && longest + 6 > inner / columns.length;
  const lines = Math.max(1, ...columns?.map((label) => label.split("\n").length) ?? []);
  const wanted = [
    inner,
    upright ? columns.length * lines * (TICK + 2) : 0,
    ...traces.map((trace) => cellsAcross(trace) * CELL),
  ];
  const widest = Math.max(...wanted);
  return {
    width: widest + beside,
    inner: widest,
    height: Math.max(PANEL, (rows?.length ?? 0) * ROW),
    below: 10 + (upright ? longest : lines * (TICK + 4)),
    upright,
  };
}

/** Columns of a heat map that writes into its cells. */
function cellsAcross({ z, texttemplate }: Json): number {
  return Array.isArray(z) && texttemplate ? Math.max(...z.map((row) => row.length)) : 0;
}

/** Space on the right: more where points or the ends of bars there have their texts beside them. */
function rightOf(data: Json[]): number {
  const spaces = data.map(({ mode, orientation, text, textposition, type }) => {
    if (String(mode).includes("text") && String(textposition).includes("right")) return 44;
    if (type !== "bar" || orientation !== "h" || textposition !== "outside") return RIGHT;
    return 8 + Math.max(...[text].flat().map((label) => widthOf(String(label ?? ""), 12)));
  });
  return Math.max(RIGHT, ...spaces);
}

/** What decides which labels an axis has. */
const LABELS = ["tickmode", "tickvals", "ticktext", "dtick", "tickformat"];

/** Gives panels the labels and the title that only their neighbour on the left had. */
function nameRows(layout: Json, panels: Panel[]): void {
  for (const { y, yDomain } of panels) {
    const axis = layout[y] as Json;
    const first = layout[panels.find((panel) => panel.yDomain[0] === yDomain[0])!.y] as Json;
    if (axis.showticklabels === false) {
      for (const key of LABELS) if (axis.matches) axis[key] ??= first[key];
      axis.showticklabels = true;
    }
    if (!titleOf(axis).text.trim()) axis.title = structuredClone(first.title);
  }
}

/** Breaks an axis's title into lines as long as the axis, and makes its text small. */
function setAxis(layout: Json, key: string, length: number, more: Json = {}): void {
  const axis = layout[key] as Json;
  const { text, font, ...title } = titleOf(axis);
  Object.assign(axis, more, {
    title: {
      ...{ ...title, text: wrap(text, length, TITLE), standoff: 6 },
      font: { ...font as Json, size: TITLE },
    },
    tickfont: { ...axis.tickfont as Json, size: TICK },
    automargin: true,
  });
}

function titleHeight(layout: Json, key: string): number {
  const lines = titleOf(layout[key] as Json).text.split("<br>").length;
  return lines * (TITLE + 4) + 6;
}

/** Whether annotations stand above panels, as their headings. */
function hasHeadings(layout: Json): boolean {
  const annotations = (layout.annotations ?? []) as Json[];
  return annotations.some(({ xref, yref, yanchor }) =>
    xref === "paper" && yref === "paper" && yanchor === "bottom"
  );
}
