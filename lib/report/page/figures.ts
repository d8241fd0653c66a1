/// <reference lib="dom" />
import { fitFigure } from "./fit_figure.ts";
import { readJson } from "./load.ts";
import type { Plot } from "./paint.ts";
import { drawPlot } from "./plotly.ts";
import { isDark, onThemeChange } from "./theme.ts";
import { onWidthChange } from "./width.ts";

/**
 * Replaces each figure's still picture by an interactive one when the figure comes near the window,
 * and redraws it when the page turns dark or light or changes its width.
 */
export function drawFigures(): void {
  const drawn = new Map<HTMLElement, Plot>();

  const draw = async (element: HTMLElement, plot: Plot) => {
    const figure = element.closest("figure")!;
    const still = figure.querySelector<HTMLElement>(".still");
    const own = { width: Number(element.dataset.width), height: Number(element.dataset.height) };
    const column = Math.floor(figure.clientWidth);
    await drawPlot(element, fitFigure(plot, own, column), isDark());
    element.dataset.column = String(column);
    if (still) still.hidden = true;
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
  onWidthChange(redraw);
}
