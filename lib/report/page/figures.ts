/// <reference lib="dom" />
import { paint, type Plot } from "./paint.ts";
import { isDark, onThemeChange } from "./theme.ts";

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

/** Loads the site's one copy of plotly.js: by a script element, which also works from disk. */
function loadPlotly(): Promise<Plotly> {
  return loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "assets/plotly.min.js";
    script.onload = () => resolve((globalThis as unknown as { Plotly: Plotly }).Plotly);
    script.onerror = () => reject(new Error("assets/plotly.min.js could not be loaded."));
    document.head.append(script);
  });
}

/**
 * Replaces each figure's still picture by an interactive one when the figure comes near the window,
 * and redraws it when the page turns dark or light or changes its width.
 */
export function drawFigures(): void {
  const drawn = new Map<HTMLElement, Plot>();

  const draw = async (element: HTMLElement, plot: Plot) => {
    const plotly = await loadPlotly();
    const figure = element.closest("figure")!;
    const still = figure.querySelector<HTMLElement>(".still");
    const width = Math.floor(figure.clientWidth);
    const own = Number(element.dataset.height) / Number(element.dataset.width);
    const height = Math.round(Math.max(width * own, Math.min(340, Number(element.dataset.height))));
    const dark = isDark();
    const { data, layout } = paint(plot, dark);
    element.hidden = false;
    await plotly.react(element, data, { ...layout, width, height, autosize: false }, CONFIG);
    if (still) still.hidden = true;
    element.dataset.drawn = dark ? "dark" : "light";
  };
  const drawOrKeep = (element: HTMLElement, plot: Plot) =>
    draw(element, plot).catch((error) => {
      // The still picture stays: it says the same.
      element.hidden = true;
      console.error(error);
    });

  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const element = target.querySelector<HTMLElement>(".live");
      if (!isIntersecting || !element || drawn.has(element)) continue;
      const plot = readJson<Plot>(element.dataset.plot ?? "");
      if (!plot) continue;
      drawn.set(element, plot);
      drawOrKeep(element, plot);
    }
  }, { rootMargin: "300px" });
  for (const element of document.querySelectorAll(".live")) {
    near.observe(element.closest("figure")!);
  }

  const redraw = () => drawn.forEach((plot, element) => drawOrKeep(element, plot));
  onThemeChange(redraw);
  let width = innerWidth;
  let timer: ReturnType<typeof setTimeout> | undefined;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(redraw, 120);
  });
}

function readJson<T>(id: string): T | undefined {
  const text = document.getElementById(id)?.textContent;
  return text ? JSON.parse(text) as T : undefined;
}
