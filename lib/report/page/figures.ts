/// <reference lib="dom" />
import type { ThemeColours } from "../../notebook/theme.ts";
import { darkCounterparts } from "../colours.ts";
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

interface Plot {
  data: unknown[];
  layout: Record<string, unknown>;
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
  const colours = readJson<Record<string, string>>("page-colours") ?? {};
  const drawn = new Map<HTMLElement, Plot>();

  const draw = async (element: HTMLElement, plot: Plot) => {
    const plotly = await loadPlotly();
    const figure = element.closest("figure")!;
    const still = figure.querySelector<HTMLElement>(".still");
    const width = Math.floor(figure.clientWidth);
    const own = Number(element.dataset.height) / Number(element.dataset.width);
    const height = Math.round(Math.max(width * own, Math.min(340, Number(element.dataset.height))));
    const { data, layout } = isDark() ? recolour(plot, colours) : plot;
    element.hidden = false;
    await plotly.react(element, data, { ...layout, width, height, autosize: false }, CONFIG);
    if (still) still.hidden = true;
    element.dataset.drawn = isDark() ? "dark" : "light";
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

/** A copy of a figure with each colour of the light theme replaced by its dark counterpart. */
function recolour(plot: Plot, colours: Record<string, string>): Plot {
  const walk = (value: unknown): unknown => {
    if (typeof value === "string") return darkColour(value, colours);
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map(walk);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item)]));
  };
  return walk(plot) as Plot;
}

/** "#rrggbb" and "rgba(r, g, b, a)" are replaced, other text is left alone. */
function darkColour(text: string, colours: Record<string, string>): string {
  const rgba = /^rgba\((\d+), ?(\d+), ?(\d+), ?([\d.]+)\)$/.exec(text);
  if (!rgba) return colours[text.toLowerCase()] ?? text;
  const hex = rgba.slice(1, 4).map((c) => Number(c).toString(16).padStart(2, "0")).join("");
  const dark = colours[`#${hex}`];
  if (!dark) return text;
  const channels = [1, 3, 5].map((i) => parseInt(dark.slice(i, i + 2), 16));
  return `rgba(${channels.join(", ")}, ${rgba[4]})`;
}
