type Json = Record<string, unknown>;
type Domain = [number, number];

/** A pair of axes and where they stand in the figure, as shares of its width and height. */
export interface Panel {
  /** Keys of the layout, such as "xaxis2". */
  x: string;
  y: string;
  /** The axes as traces name them, such as "x2". */
  xId: string;
  yId: string;
  xDomain: Domain;
  yDomain: Domain;
}

/** The panels of a figure, from the top left to the bottom right. */
export function panelsOf(layout: Json): Panel[] {
  const domain = (key: string) => ((layout[key] as Json)?.domain ?? [0, 1]) as Domain;
  return Object.keys(layout).filter((key) => /^xaxis\d*$/.test(key)).flatMap((x) => {
    const yId = ((layout[x] as Json).anchor ?? "y") as string;
    const y = `yaxis${yId.slice(1)}`;
    if (!/^y\d*$/.test(yId) || !layout[y]) return [];
    return [{ x, y, xId: `x${x.slice(5)}`, yId, xDomain: domain(x), yDomain: domain(y) }];
  }).sort((a, b) => b.yDomain[1] - a.yDomain[1] || a.xDomain[0] - b.xDomain[0]);
}

/** Whether panels stand beside each other, each with a y axis of its own. */
export function isSideBySide(panels: readonly Panel[]): boolean {
  const columns = new Set(panels.map(({ xDomain }) => xDomain[0]));
  return columns.size > 1 && new Set(panels.map(({ y }) => y)).size === panels.length;
}

/**
 * Puts panels one below the other, and along with them what the layout places by shares of the
 * figure: headings, other annotations, and shapes.
 *
 * @param heights of the panels, in pixels
 * @param below space that each needs below itself
 * @param before height of the figure's plots as it was made, in pixels
 */
export function stack(
  layout: Json,
  panels: readonly Panel[],
  heights: readonly number[],
  below: readonly number[],
  before: number,
): void {
  const total = heights.reduce(
    (sum, height, i) => sum + height + (i < heights.length - 1 ? below[i] : 0),
    0,
  );
  let top = total;
  const domains = heights.map((height, i): Domain => {
    const domain: Domain = [Math.max(0, (top - height) / total), top / total];
    top -= height + below[i];
    return domain;
  });
  for (const kind of ["annotations", "shapes"]) {
    if (!layout[kind]) continue;
    layout[kind] = (layout[kind] as Json[]).map((item) =>
      move(item, panels, domains, before / total)
    );
  }
  for (const [i, { x, y }] of panels.entries()) {
    Object.assign(layout[x] as Json, { domain: [0, 1] });
    Object.assign(layout[y] as Json, { domain: domains[i] });
  }
}

/** An annotation or shape, moved with its panel if it stands at shares of the figure. */
function move(
  item: Json,
  panels: readonly Panel[],
  domains: readonly Domain[],
  scale: number,
): Json {
  const { xref = "x", yref = "y" } = item as { xref?: string; yref?: string };
  const numbers = (...keys: string[]) =>
    keys.filter((key) => item[key] !== undefined).map((key) => Number(item[key]));
  const xs = numbers("x", "x0", "x1"), ys = numbers("y", "y0", "y1");
  const within = (values: number[], [low, high]: Domain, more: number) =>
    values.every((value) => value >= low - 0.01 && value <= high + more);
  const i = panels.findIndex(({ xId, yId, xDomain, yDomain }) =>
    (xref === "paper" ? within(xs, xDomain, 0.01) : xref === xId) &&
    // A heading stands above its panel.
    (yref === "paper" ? within(ys, yDomain, 0.09) : yref === yId)
  );
  if (i < 0) return item;
  const { xDomain, yDomain } = panels[i];
  const moved = { ...item };
  for (const key of ["x", "x0", "x1"]) {
    if (xref !== "paper" || item[key] === undefined) continue;
    moved[key] = (Number(item[key]) - xDomain[0]) / (xDomain[1] - xDomain[0]);
  }
  for (const key of ["y", "y0", "y1"]) {
    if (yref !== "paper" || item[key] === undefined) continue;
    const share = (Number(item[key]) - yDomain[0]) / (yDomain[1] - yDomain[0]);
    const above = Math.max(0, Number(item[key]) - yDomain[1]) * scale;
    moved[key] = domains[i][0] + Math.min(1, share) * (domains[i][1] - domains[i][0]) + above;
  }
  return moved;
}
