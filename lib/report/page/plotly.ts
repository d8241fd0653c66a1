/// <reference lib="dom" />
import { loadScript } from "./load.ts";
import type { FittedFigure } from "./fit_figure.ts";
import { paint } from "./paint.ts";
import { showSliders, type Slider } from "./sliders.ts";

/** The part of plotly.js that pages use. */
interface Plotly {
  react(
    element: HTMLElement,
    ...args: unknown[]
  ): Promise<unknown>;
  purge(element: HTMLElement): void;
  /** "restyle", "relayout" and others, which a slider's steps name. */
  [method: string]: (element: HTMLElement, ...args: unknown[]) => unknown;
}

const CONFIG = {
  displaylogo: false,
  responsive: false,
  displayModeBar: "hover",
  showSendToCloud: false, // nothing leaves the page
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
};

let loading: Promise<Plotly> | undefined;

/** Loads the site's one copy of plotly.js. */
function loadPlotly(): Promise<Plotly> {
  const loaded = () => (globalThis as { Plotly?: Plotly }).Plotly!;
  // Another script of the page may have loaded it.
  if (loaded()) return Promise.resolve(loaded());
  return loading ??= loadScript("assets/plotly.min.js").then(loaded);
}

/** Draws a figure into an element, or draws it anew, in the page's colours. */
export async function drawPlot(
  element: HTMLElement,
  { plot, width, height }: FittedFigure,
  dark: boolean,
): Promise<void> {
  // Room for texts is measured when a figure is drawn: in the fonts that will be seen.
  const [plotly] = await Promise.all([loadPlotly(), document.fonts.ready]);
  const { data, layout: { sliders = [], ...layout } } = paint(plot, dark);
  element.hidden = false;
  // A colour bar that has turned would leave its old self behind.
  if (element.dataset.size !== `${width}`) plotly.purge(element);
  element.dataset.size = `${width}`;
  await plotly.react(element, data, { ...layout, width, height, autosize: false }, CONFIG);
  await showSliders(
    element,
    sliders as Slider[],
    async (method, args) => await plotly[method](element, ...args),
  );
  element.dataset.drawn = dark ? "dark" : "light";
}
