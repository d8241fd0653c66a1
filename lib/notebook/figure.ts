import { showCaption } from "./caption.ts";
import { display, type Output } from "./display.ts";
import { figureTable } from "./figure_table.ts";
import { houseStyle } from "./figure_layout.ts";
import { type DataTable, type FigureMetadata, PLOTLY_MIME } from "./outputs.ts";
import { plainData, slug } from "./plain_data.ts";
import { type PlotlyFigure, plotlySvg, svgToPng } from "./plotly_svg.ts";
import { prefixIds } from "./svg_ids.ts";

/** What a figure is made of. */
export interface FigureOptions {
  /** Plotly traces; colours, dashes and markers come by themselves. */
  data: Record<string, unknown>[];
  /** Plotly layout; every axis of a cartesian plot needs a title with its unit. */
  layout?: Record<string, unknown>;
  /** A sentence or more in inline Markdown that says what one sees; without "Figure N". */
  caption: string;
  /** What the figure shows, in plain text, for those who cannot see it. */
  alt: string;
  /** For links; made from the caption without it. */
  id?: string;
  /** The figure's numbers; taken from the traces without it. */
  table?: DataTable;
  /** CSS pixels, 720 × 420 without them. */
  width?: number;
  height?: number;
}

/**
 * Shows a figure: interactive where the viewer has Plotly, as a picture everywhere else.
 *
 * ```ts ignore
 * await figure({
 *   data: [{ x: [256, 512], y: [1.2, 2.3], name: "naive" }, { x: [256, 512], y: [0.1, 0.1], name: "cut" }],
 *   layout: { xaxis: { title: "Tokens N" }, yaxis: { title: "Peak memory (MiB)" } },
 *   caption: "Peak memory of the loss and its gradient.",
 *   alt: "Two lines over the number of tokens: naive rises steeply, cut stays flat.",
 * });
 * ```
 *
 * @throws Error if caption, alternative text or the title of an axis is missing
 */
export async function figure(options: FigureOptions): Promise<void> {
  const output = await figureOutput(options);
  await display(output);
  await showCaption((output.metadata as FigureMetadata).id, options.caption);
}

/** The output that {@link figure} shows. */
export async function figureOutput(options: FigureOptions): Promise<Output> {
  const { caption, alt, width = 720, height = 420 } = options;
  requireWords("figure", { caption, alt });
  if (!Array.isArray(options.data) || options.data.length === 0) {
    throw new Error("figure: data has no traces; expected a list of at least one Plotly trace.");
  }
  const plain = plainData({ data: options.data, layout: options.layout ?? {} }) as PlotlyFigure;
  const styled = houseStyle(plain);
  const id = options.id ?? slug(caption);
  const svg = prefixIds(await plotlySvg(styled, { width, height }), id);
  const png = await svgToPng(svg);
  return {
    data: {
      [PLOTLY_MIME]: { ...styled, config: { displaylogo: false, responsive: true } },
      "image/svg+xml": svg,
      "image/png": png.toBase64(),
      "text/plain": `[Figure] ${caption}\n${alt}`,
    },
    metadata: {
      kind: "figure",
      id,
      caption,
      alt,
      table: options.table ?? figureTable(styled),
      width,
      height,
    },
  };
}

/** @throws Error if the caption or the alternative text of a figure, or what becomes one, is empty */
export function requireWords(of: string, words: { caption: unknown; alt: unknown }): void {
  const expected = {
    caption: "a sentence that says what the figure shows",
    alt: "a description for those who cannot see the figure",
  };
  for (const name of ["caption", "alt"] as const) {
    const value = words[name];
    if (typeof value === "string" && value.trim() !== "") continue;
    const given = typeof value === "string" ? "empty" : String(value);
    throw new Error(`${of}: ${name} is ${given}; expected ${expected[name]}.`);
  }
}
