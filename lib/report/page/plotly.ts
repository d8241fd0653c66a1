/// <reference lib="dom" />
import { loadScript } from "./load.ts";
import { paint, type Plot } from "./paint.ts";

/** The part of plotly.js that pages use. */
interface Plotly {
  react(
    element: HTMLElement,
    data: unknown,
    layout: Record<string, unknown>,
    config: Record<string, unknown>,
  ): Promise<unknown>;
}

const CONFIG = {
  displaylogo: false,
  responsive: false,
  displayModeBar: "hover",
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
  plot: Plot,
  size: { width: number; height: number },
  dark: boolean,
): Promise<void> {
  const plotly = await loadPlotly();
  const { data, layout } = paint(plot, dark);
  element.hidden = false;
  await plotly.react(element, data as unknown, { ...layout, ...size, autosize: false }, CONFIG);
  element.dataset.drawn = dark ? "dark" : "light";
}
