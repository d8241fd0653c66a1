import { houseStyle } from "../../notebook/figure_layout.ts";
import { SYMBOLS, theme } from "../../notebook/theme.ts";
import type { Plan, Point, Report } from "../rerun/experiment.ts";
import type { Plot } from "./paint.ts";

const MiB = 2 ** 20;

/** Tokens a second of a measurement. */
export function throughput({ x, ms }: Point): number {
  return x / ms * 1000;
}

/** Throughput and memory over x: the stored curves solid, the reader's dashed with open markers. */
export function rerunFigure(plan: Plan, report: Report): Plot {
  const data: Record<string, unknown>[] = [];
  const panels = [
    { axes: {}, value: (point: Point) => throughput(point) },
    { axes: { xaxis: "x2", yaxis: "y2" }, value: (point: Point) => point.peakBytes / MiB },
  ];
  for (const { name, colour } of plan.series) {
    const sources = [
      { points: plan.stored?.points ?? [], who: plan.stored?.source, dash: "solid", open: "" },
      { points: report.points, who: "here", dash: "dash", open: "-open" },
    ];
    let named = false;
    for (const { points, who, dash, open } of sources) {
      const own = points.filter((point) => point.series === name);
      if (own.length === 0) continue;
      for (const [i, { axes, value }] of panels.entries()) {
        const color = theme.light.series[colour];
        data.push({
          name,
          legendgroup: name,
          showlegend: !named && i === 0,
          x: own.map(({ x }) => x),
          y: own.map(value),
          mode: "lines+markers",
          line: { color, dash, width: 2 },
          marker: { color, size: open ? 9 : 6, symbol: SYMBOLS[colour % SYMBOLS.length] + open },
          hovertemplate: `${name}, ${who}<br>%{x:,}: %{y:,.4r}<extra></extra>`,
          ...axes,
        });
      }
      named = true;
    }
  }
  const x = (i: number) => ({
    ...logarithmic(data.flatMap((trace) => trace.x as number[])),
    title: plan.axis,
    anchor: i === 0 ? "y" : "y2",
    domain: i === 0 ? [0, 0.43] : [0.57, 1],
  });
  const y = (i: number, title: string) => ({
    ...logarithmic(
      data.filter((trace) => (trace.yaxis === "y2") === (i === 1))
        .flatMap((trace) => trace.y as number[]),
    ),
    title,
    anchor: i === 0 ? "x" : "x2",
  });
  return houseStyle({
    data,
    layout: {
      xaxis: x(0),
      xaxis2: x(1),
      yaxis: y(0, "Throughput (tokens/s)"),
      yaxis2: y(1, "Peak memory (MiB)"),
    },
  }) as Plot;
}

/** A logarithmic axis with its powers of ten named, or 1, 2 and 5 of each where there are few. */
function logarithmic(values: number[]): Record<string, unknown> {
  const decades = Math.log10(Math.max(...values) / Math.min(...values));
  return { type: "log", dtick: decades < 2 ? "D2" : 1, tickformat: ",~r" };
}
