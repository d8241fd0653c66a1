import { showCaption } from "./caption.ts";
import { display, type Output } from "./display.ts";
import { figureOutput, requireWords } from "./figure.ts";
import { formatNumber } from "./format_number.ts";
import { jupyter } from "./jupyter.ts";
import type { DataTable, FigureMetadata } from "./outputs.ts";
import { roundTo, slug, splitUnit } from "./plain_data.ts";
import { escapeHtml } from "./table.ts";
import { DASHES, FONT_FAMILY, theme } from "./theme.ts";

/** Options of {@link livePlot}. */
export interface LivePlotOptions {
  /** A sentence in inline Markdown, as for a figure. */
  caption: string;
  /** What it shows, in plain text. */
  alt: string;
  /** Title of the x axis with its unit (default "Step"). */
  x?: string;
  /** Title of the y axis with its unit (default "Loss (nats)"). */
  y?: string;
  /** Draws the y axis logarithmically. */
  log?: boolean;
  id?: string;
}

/** Shortest time between two drawings, in milliseconds: in a notebook, and as printed lines. */
const PAUSE = { notebook: 500, lines: 5000 };
/** Points kept of each series; beyond, every second one is dropped. */
const MOST_POINTS = 400;
const WIDTH = 720, HEIGHT = 260;
/** Height of the figure that stays when all is done. */
const FINAL_HEIGHT = 340;
/** Lines of text next to each other are at least so far apart. */
const LINE_HEIGHT = 14;
const PLOT = { left: 64, right: WIDTH - 110, top: 16, bottom: HEIGHT - 48 };

/**
 * A small curve that grows while a cell runs: drawn again in place in a notebook, where a figure
 * takes its place at the end; a printed line now and then elsewhere.
 *
 * ```ts
 * import { livePlot } from "cutloss/notebook/mod.ts";
 *
 * const curve = livePlot({ caption: "Loss while training.", alt: "The loss falls." });
 * for (let step = 1; step <= 3; step++) await curve.add(step, { training: 1 / step });
 * await curve.finish();
 * ```
 *
 * @throws Error if caption or alternative text is missing
 */
export function livePlot(options: LivePlotOptions): LivePlot {
  return new LivePlot(options);
}

/** What {@link livePlot} returns. */
export class LivePlot implements AsyncDisposable {
  #options: LivePlotOptions;
  #id = crypto.randomUUID();
  #series = new Map<string, Series>();
  #shown = -Infinity;
  #displayed = false;
  #finished = false;

  constructor(options: LivePlotOptions) {
    requireWords("livePlot", options);
    this.#options = options;
  }

  /** Adds a point to one or more series; values that are not finite are left out. */
  async add(x: number, values: Record<string, number>): Promise<void> {
    for (const [name, value] of Object.entries(values)) {
      const series = this.#series.get(name) ?? new Series();
      this.#series.set(name, series);
      if (Number.isFinite(value) && !(this.#options.log && value <= 0)) series.add(x, value);
    }
    if (performance.now() - this.#shown < (jupyter() ? PAUSE.notebook : PAUSE.lines)) return;
    await this.#show(this.output(), true);
  }

  /** Draws the last state, as a figure with its caption in a notebook. Further calls do nothing. */
  async finish(): Promise<void> {
    if (this.#finished) return;
    this.#finished = true;
    const drawn = jupyter() && [...this.#series.values()].some(({ points }) => points.length > 0);
    await this.#show(drawn ? await this.finalOutput() : this.output());
    const { caption, id = slug(caption) } = this.#options;
    await showCaption(id, caption);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish();
  }

  async #show(output: Output, hurry = false): Promise<void> {
    this.#shown = performance.now();
    const update = this.#displayed;
    this.#displayed = true;
    await display(output, { id: this.#id, update, hurry });
  }

  /** The output for the present state. */
  output(): Output {
    const { caption, alt, x = "Step", y = "Loss (nats)", id = slug(caption) } = this.#options;
    const last = [...this.#series].filter(([, { points }]) => points.length).map(
      ([name, { points }]) => `${name} ${formatNumber(points.at(-1)![1])}`,
    );
    const step = Math.max(0, ...[...this.#series.values()].map((s) => s.points.at(-1)?.[0] ?? 0));
    return {
      data: {
        "image/svg+xml": this.#svg(x, y),
        "text/plain": `${splitUnit(x).name} ${formatNumber(step)}: ${last.join(" · ")}`,
      },
      metadata: { kind: "live-plot", id, caption, alt, table: this.#table(x, y) },
    };
  }

  /** The output that stays: the present state as a figure like any other. */
  async finalOutput(): Promise<Output> {
    const { caption, alt, x = "Step", y = "Loss (nats)", id, log } = this.#options;
    const { data, metadata } = await figureOutput({
      data: [...this.#series].filter(([, { points }]) => points.length > 0).map((
        [name, { points }],
      ) => ({ name, mode: "lines", x: points.map(([at]) => at), y: points.map(([, v]) => v) })),
      layout: { xaxis: { title: x }, yaxis: { title: y, ...log && { type: "log" } } },
      ...{ caption, alt, id, table: this.#table(x, y), width: WIDTH, height: FINAL_HEIGHT },
    });
    return {
      data: { ...data, "text/plain": this.output().data["text/plain"] },
      metadata: { ...(metadata as FigureMetadata), kind: "live-plot" },
    };
  }

  #table(x: string, y: string): DataTable {
    const rows = [...this.#series].flatMap(([name, { points }]) =>
      points.map(([at, value]) => [name, at, roundTo(value, 6)])
    );
    const numeric = true;
    const columns = [{ ...splitUnit(x), numeric }, { ...splitUnit(y), numeric }];
    return { columns: [{ name: "Series", numeric: false }, ...columns], rows };
  }

  #svg(xTitle: string, yTitle: string): string {
    const { ink, muted, paper, grid, series: colours } = theme.light;
    const points = [...this.#series.values()].flatMap((series) => series.points);
    const scaleY = this.#options.log ? Math.log10 : (value: number) => value;
    const xs = range(points.map(([x]) => x)), ys = range(points.map(([, y]) => scaleY(y)));
    const px = (x: number) => lerp(PLOT.left, PLOT.right, (x - xs[0]) / (xs[1] - xs[0]));
    const py = (y: number) => lerp(PLOT.bottom, PLOT.top, (scaleY(y) - ys[0]) / (ys[1] - ys[0]));
    const text = (x: number, y: number, words: string, rest: string) =>
      `<text x="${round(x)}" y="${round(y)}" ${rest}>${escapeHtml(words)}</text>`;
    const parts: string[] = [];
    for (const value of ticks(ys)) {
      const shown = this.#options.log ? 10 ** value : value, y = py(shown);
      parts.push(`<path d="M${PLOT.left} ${round(y)}H${PLOT.right}" stroke="${grid}"/>`);
      const style = `text-anchor="end" fill="${muted}"`;
      parts.push(text(PLOT.left - 8, y + 4, formatNumber(shown, 3), style));
    }
    for (const value of ticks(xs)) {
      const style = `text-anchor="middle" fill="${muted}"`;
      parts.push(text(px(value), PLOT.bottom + 18, formatNumber(value, 3), style));
    }
    parts.push(
      `<path d="M${PLOT.left} ${PLOT.top}V${PLOT.bottom}H${PLOT.right}" stroke="${muted}" fill="none"/>`,
      text((PLOT.left + PLOT.right) / 2, HEIGHT - 10, xTitle, 'text-anchor="middle"'),
      text(
        0,
        0,
        yTitle,
        `text-anchor="middle" transform="translate(16,${HEIGHT / 2 - 16}) rotate(-90)"`,
      ),
    );
    const names: { name: string; x: number; y: number; colour: string }[] = [];
    [...this.#series].forEach(([name, { points }], index) => {
      if (points.length === 0) return;
      const colour = colours[index % colours.length];
      const dash = { solid: "", dash: "8 5", dot: "2 4" }[DASHES[index % 3] as string] ?? "";
      const path = points.map(([x, y]) => `${round(px(x))} ${round(py(y))}`).join("L");
      const dashes = dash && ` stroke-dasharray="${dash}"`;
      parts.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`);
      const [x, y] = points.at(-1)!;
      names.push({ name, x: px(x) + 6, y: py(y) + 4, colour });
    });
    names.sort((a, b) => a.y - b.y).forEach((label, i) => {
      if (i > 0) label.y = Math.max(label.y, names[i - 1].y + LINE_HEIGHT);
      parts.push(text(label.x, label.y, label.name, `fill="${label.colour}"`));
    });
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" ` +
      `viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="${FONT_FAMILY}" font-size="12" fill="${ink}">` +
      `<rect width="${WIDTH}" height="${HEIGHT}" fill="${paper}"/>${parts.join("")}</svg>`;
  }
}

/** Points of one line, thinned evenly when they become too many. */
class Series {
  points: [number, number][] = [];
  #every = 1;
  #count = 0;
  /** Whether the last point stands there only until the next one comes. */
  #passing = false;

  add(x: number, y: number): void {
    if (this.#passing) this.points.pop();
    this.#passing = this.#count++ % this.#every !== 0;
    this.points.push([x, y]);
    if (this.points.length <= MOST_POINTS) return;
    this.points = this.points.filter((_, i) => i % 2 === 0);
    this.#every *= 2;
  }
}

/** Smallest and largest value, apart from each other. */
function range(values: number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const low = Math.min(...values), high = Math.max(...values);
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

/** About four round numbers within a range. */
function ticks([low, high]: [number, number]): number[] {
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function lerp(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
