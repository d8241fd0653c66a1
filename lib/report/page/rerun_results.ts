/// <reference lib="dom" />
import type { DataTable } from "../../notebook/outputs.ts";
import { formatNumber } from "../../notebook/format_number.ts";
import { dataTableHtml } from "../data_table.ts";
import { markup } from "../html.ts";
import type { MeasuredPoint, Plan, Report } from "../rerun/experiment.ts";
import { fitFigure } from "./fit_figure.ts";
import { drawPlot } from "./plotly.ts";
import { rerunFigure, throughput } from "./rerun_figure.ts";
import { focusScrollers } from "./scrollers.ts";
import { isDark, onThemeChange } from "./theme.ts";
import { onWidthChange } from "./width.ts";

const MiB = 2 ** 20;

/** Size of the figure where there is room, in pixels. */
const SIZE = { width: 760, height: 380 };

/** What a panel shows now, to be drawn anew when the page changes. */
const shown = new WeakMap<HTMLElement, { plan: Plan; report: Report }>();

/** Shows what an experiment has found so far: figure, sentence, table, and the file to share. */
export function showResults(panel: HTMLElement, plan: Plan, report: Report): void {
  const box = panel.querySelector<HTMLElement>(".rerun-results")!;
  if (!shown.has(panel)) {
    const redraw = () => draw(panel);
    onThemeChange(redraw);
    onWidthChange(redraw);
  }
  shown.set(panel, { plan, report: { ...report, points: [...report.points] } });
  if (box.childElementCount === 0) box.innerHTML = skeleton(plan);
  const part = (name: string) => box.querySelector<HTMLElement>(`.rerun-${name}`)!;
  part("facts").innerHTML = facts(report);
  part("summary").textContent = summary(plan, report.points);
  part("summary").hidden = part("summary").textContent === "";
  part("figure").hidden = part("data").hidden = report.points.length === 0;
  part("table").innerHTML = dataTableHtml(tableOf(plan, report), "Measurements made here").text;
  part("ended").textContent = endings(plan, report);
  part("ended").hidden = report.ended.length === 0;
  focusScrollers(box);
  offerFile(part("json") as HTMLAnchorElement, plan, report);
  draw(panel);
}

function skeleton({ stored }: Plan): string {
  const beside = stored
    ? ` beside those stored with this page (solid; ${stored.source})`
    : "; this page has no stored ones to compare with";
  return markup`
    <dl class="rerun-facts"></dl>
    <figure class="rerun-figure" hidden>
    <div class="live" role="group" aria-label="Throughput and peak memory measured here, in two panels; the numbers are in the table below."></div>
    <figcaption><span class="label">Your device</span> Curves measured here (dashed, open
    markers)${beside}. All axes are logarithmic.</figcaption>
    </figure>
    <p class="rerun-summary"></p>
    <p class="rerun-ended note" hidden></p>
    <div class="data rerun-data" hidden><details open><summary>Measurements</summary>
    <div class="rerun-table"></div></details></div>
    <p><a class="rerun-json" download>Save these results as JSON</a></p>
  `.text;
}

function draw(panel: HTMLElement): void {
  const { plan, report } = shown.get(panel)!;
  const element = panel.querySelector<HTMLElement>(".live");
  const width = Math.floor(element?.parentElement?.clientWidth ?? 0);
  if (!element || width === 0) return;
  drawPlot(element, fitFigure(rerunFigure(plan, report), SIZE, width), isDark()).catch((error) => {
    // The table says the same.
    element.hidden = true;
    console.error(error);
  });
}

function facts({ adapter, checks, note }: Report): string {
  const rows: [string, string][] = [];
  if (adapter) {
    const clock = adapter.features.includes("timestamp-query") ? "the device’s" : "the browser’s";
    rows.push([
      "Adapter",
      adapter.description + (adapter.software ? " (computes on the processor)" : ""),
    ]);
    rows.push(["Clock", clock]);
  }
  if (checks.length > 0) {
    const right = checks.filter(({ error, tolerance }) => error <= tolerance).length;
    const exact = checks.filter(({ tolerance }) => tolerance < 1e-3).map(({ error }) => error);
    rows.push([
      "Check",
      `${right} of ${checks.length} results agree with 64-bit arithmetic; largest difference of ` +
      `exact ones ${formatNumber(Math.max(...exact), 2)} of the largest value`,
    ]);
  }
  if (note) rows.push(["Note", note]);
  return markup`${
    rows.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)
  }`.text;
}

/** Why series have no larger sizes: "Ended: naive before N = 8192, because …." */
function endings({ letter }: Plan, { ended }: Report): string {
  const groups = Map.groupBy(
    ended,
    ({ x, reason }) => `before ${letter} = ${x}, because ${reason}`,
  );
  const list = [...groups].map(([why, members]) =>
    `${members.map(({ series }) => `“${series}”`).join(", ")} ${why}`
  );
  return `Ended: ${list.join("; ")}.`;
}

/** The last series beside the first, at the largest size that both have. */
function summary({ series, letter }: Plan, points: readonly MeasuredPoint[]): string {
  const of = (name: string, x: number) => points.find((p) => p.series === name && p.x === x);
  const [first, last] = [series[0].name, series[series.length - 1].name];
  const x = Math.max(0, ...points.map((p) => p.x).filter((x) => of(first, x) && of(last, x)));
  const a = of(first, x), b = of(last, x);
  if (!a || !b) return "";
  const at = `At ${letter} = ${formatNumber(x)}`;
  const time = formatNumber(b.ms / a.ms, 3), memory = formatNumber(b.peakBytes / a.peakBytes, 3);
  return `${at}, “${last}” takes ${time} × the time of “${first}” and ${memory} × its memory.`;
}

function tableOf(plan: Plan, { points }: Report): DataTable {
  const names = plan.series.map(({ name }) => name);
  const sorted = [...points].sort((a, b) =>
    names.indexOf(a.series) - names.indexOf(b.series) || a.x - b.x
  );
  return {
    columns: [
      { name: "Way", numeric: false },
      { name: plan.axis, numeric: true },
      { name: "Time", unit: "ms", numeric: true },
      { name: "Throughput", unit: "tokens/s", numeric: true },
      { name: "Peak memory", unit: "MiB", numeric: true },
      { name: plan.value, numeric: true },
    ],
    rows: sorted.map((point) => [
      point.series,
      point.x,
      point.ms,
      Number(throughput(point).toPrecision(4)),
      point.peakBytes / MiB,
      point.value,
    ]),
  };
}

function offerFile(link: HTMLAnchorElement, plan: Plan, report: Report): void {
  if (link.href) URL.revokeObjectURL(link.href);
  const text = JSON.stringify({ ...report, browser: navigator.userAgent }, null, 1) + "\n";
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const where = (report.adapter?.description ?? "none").toLowerCase().replace(/[^a-z0-9]+/g, "-");
  link.download = `cutloss-${plan.experiment}-${where.slice(0, 40)}.json`;
}
