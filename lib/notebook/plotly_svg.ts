import { fileURLToPath } from "node:url";
import { fontFiles, type FontMetrics, readFontMetrics } from "./font.ts";
import { PixelCanvas } from "./pixel_canvas.ts";
import { type Box, SvgBoxes } from "./svg_boxes.ts";

/** What Plotly draws: see its reference for the keys. */
export interface PlotlyFigure {
  data: Record<string, unknown>[];
  layout: Record<string, unknown>;
}

/**
 * Draws a Plotly figure as an SVG picture, without a browser.
 *
 * Plotly runs in jsdom, which lays nothing out: the sizes of text that Plotly asks for are computed
 * from the font's own widths. The first call takes about two seconds, the others some 100 ms.
 *
 * @param figure is copied first, because Plotly writes into what it draws
 * @throws Error with Plotly's complaint if the figure cannot be drawn
 */
export async function plotlySvg(
  figure: PlotlyFigure,
  size: { width: number; height: number },
): Promise<string> {
  const { Plotly, document } = await (drawing ??= openPlotly());
  const host = document.createElement("div");
  document.body.append(host);
  try {
    const { data, layout } = structuredClone(figure);
    for (const [index, trace] of data.entries()) trace.uid ??= `trace${index}`;
    await Plotly.newPlot(host, data, { ...layout, ...size, autosize: false }, { staticPlot: true });
    const uri = await Plotly.toImage(host, { format: "svg", ...size });
    return tidy(decodeURIComponent(uri.slice(uri.indexOf(",") + 1)));
  } finally {
    Plotly.purge(host);
    host.remove();
  }
}

/**
 * Draws an SVG picture as PNG of the same size.
 *
 * Not larger, because JupyterLab's Plotly extension shows the PNG as it is until the reader points
 * at it. The font comes with Cutloss, so that it looks the same on a machine without any.
 */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js");
  const font = {
    fontFiles: await fontFiles(),
    loadSystemFonts: false,
    defaultFontFamily: "Inter",
    sansSerifFamily: "Inter",
  };
  // resvg knows this older name alone
  const known = svg.replaceAll("image-rendering: pixelated", "image-rendering: optimizeSpeed");
  return new Resvg(known, { font }).render().asPng();
}

// deno-lint-ignore no-explicit-any -- a browser's window and Plotly, seen from outside
type Loose = any;

let drawing: Promise<{ Plotly: Loose; document: Loose }> | undefined;

async function openPlotly(): Promise<{ Plotly: Loose; document: Loose }> {
  const { JSDOM } = await import("jsdom");
  await import("plotly.js-dist-min/package.json", { with: { type: "json" } }); // fetches it
  const source = import.meta.resolve("plotly.js-dist-min/plotly.min.js");
  const options = { runScripts: "outside-only", pretendToBeVisual: true };
  const window: Loose = new JSDOM("<!doctype html><body></body>", options).window;
  const [regular] = await fontFiles();
  standIns(window, readFontMetrics(await Deno.readFile(regular)));
  window.eval(await Deno.readTextFile(fileURLToPath(source)));
  return { Plotly: window.Plotly, document: window.document };
}

/** What Plotly asks of a browser and jsdom does not have. */
function standIns(window: Loose, font: FontMetrics): void {
  const boxes = new SvgBoxes(font);
  const rectangle = (box: Box) => {
    const { left, top, right, bottom } = box ?? { left: 0, top: 0, right: 0, bottom: 0 };
    const [width, height] = [right - left, bottom - top];
    return { x: left, y: top, left, top, right, bottom, width, height };
  };
  window.SVGElement.prototype.getBBox = function () {
    return rectangle(boxes.own(this));
  };
  window.SVGElement.prototype.getComputedTextLength = function () {
    return boxes.width(this);
  };
  window.SVGElement.prototype.getBoundingClientRect = function () {
    return rectangle(boxes.onPage(this));
  };
  window.URL.createObjectURL = () => "blob:none";
  const canvases = new WeakMap<Loose, PixelCanvas>();
  window.HTMLCanvasElement.prototype.getContext = function (kind: string) {
    if (kind !== "2d") return null;
    const canvas = canvases.get(this) ?? new PixelCanvas(this.width, this.height);
    canvases.set(this, canvas);
    return canvas;
  };
  window.HTMLCanvasElement.prototype.toDataURL = function () {
    return this.getContext("2d").toDataURL();
  };
  window.matchMedia = () => ({ matches: false, addListener() {}, addEventListener() {} });
}

/**
 * Two decimals, which are enough for a picture and halve it; the same names in every run, where
 * Plotly draws them by lot; addresses without quotes, as all viewers read them; a legend that may
 * be wider than with our font, because a viewer may have none of the same width.
 */
function tidy(svg: string): string {
  const lot = svg.match(/id="defs-(\w+)"/)?.[1];
  return (lot ? svg.replaceAll(lot, "") : svg)
    .replace(/url\((?:'|&quot;)(#[^'&)]*)(?:'|&quot;)\)/g, "url($1)")
    .replace(/(<g class="scrollbox"[^>]*?) clip-path="[^"]*"/g, "$1")
    .replace(/<[^>]*>/g, (tag) =>
      // not the text between tags: 0.001 on an axis is no 0
      tag.replace(
        /(?<![\w#])-?\d+\.\d{3,}(?![\w])/g,
        (number) => String(Math.round(Number(number) * 100) / 100),
      ));
}
