type Json = Record<string, unknown>;

/** Mean width of a letter, as a share of the font's size. */
const LETTER = 0.56;

/** About how wide the longest line of a text is, in pixels. */
export function widthOf(text: string, size: number): number {
  return Math.max(...text.split("\n").map((line) => [...line].length)) * size * LETTER;
}

/** The title of an axis or a colour bar, which may be given as a text alone, or not at all. */
export function titleOf(of: Json | undefined): Json & { text: string } {
  const title = of?.title;
  if (typeof title === "object" && title !== null) {
    return { ...title, text: String((title as Json).text ?? "") };
  }
  return { text: String(title ?? "") };
}

/**
 * A text with line ends between its words: as few lines as can be no longer than some pixels, and
 * about equally long.
 */
export function wrap(text: string, length: number, size: number): string {
  let lines = linesOf(text, length, size);
  for (let shorter = length; (shorter -= size) > 0;) {
    const tried = linesOf(text, shorter, size);
    if (tried.length > lines.length) break;
    lines = tried;
  }
  return lines.join("<br>");
}

function linesOf(text: string, length: number, size: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && widthOf(longer, size) <= length) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** The labels on an axis, each with its line ends: those its author set, else the categories on it. */
export function labelsOf(
  axis: Json,
  traces: readonly Json[],
  letter: "x" | "y",
): string[] | undefined {
  const given = axis.ticktext ?? axis.tickvals;
  const values = traces.flatMap((trace) => Array.isArray(trace[letter]) ? trace[letter] : []);
  const categories = new Set(values.filter((value) => typeof value === "string"));
  const labels = (Array.isArray(given) ? given : [...categories]).map(String);
  if (labels.length === 0) return undefined;
  return labels.map((label) => label.replace(/<br\s*\/?>/g, "\n").replace(/<[^>]*>/g, ""));
}

/** About how high the legend is: its entries stand in columns as wide as the widest of them. */
export function legendHeight(data: readonly Json[], layout: Json, width: number): number {
  if (layout.showlegend === false) return 0;
  const groups = new Set<unknown>();
  const names = data.filter(({ name, showlegend, legendgroup }) => {
    if (!name || showlegend === false) return false;
    const known = legendgroup !== undefined && groups.has(legendgroup);
    groups.add(legendgroup);
    return !known;
  }).map(({ name }) => String(name));
  if (names.length < 2 && layout.showlegend !== true) return 0;
  const widest = Math.max(...names.map((name) => 46 + widthOf(name, 12)));
  const columns = Math.max(1, Math.floor((width - 40) / widest));
  return Math.ceil(names.length / columns) * 19 + 8;
}

/** Traces of one value for each place, whose colours a bar explains. */
const COLOURED = new Set(["heatmap", "contour", "histogram2d"]);

/**
 * Lays the colour bars of traces above the plot.
 *
 * @param y where they begin, as a share of the plot's height
 * @returns the height that they need, in pixels
 */
export function colourBarsAbove(data: Json[], y: number): number {
  let height = 0;
  for (const [i, trace] of data.entries()) {
    if (!COLOURED.has(trace.type as string) || trace.showscale === false) continue;
    const bar = trace.colorbar as Json | undefined;
    const place = { orientation: "h", x: 0.5, xanchor: "center", y, yanchor: "bottom" };
    const size = { thickness: 10, len: 1, lenmode: "fraction", xpad: 0, ypad: 4 };
    const title = { ...titleOf(bar), side: "top" };
    data[i] = { ...trace, colorbar: { ...bar, ...place, ...size, title } };
    height = 56;
  }
  return height;
}
