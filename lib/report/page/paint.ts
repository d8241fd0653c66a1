import { FONT_FAMILY, theme } from "../../notebook/theme.ts";
import { DARK_COUNTERPARTS } from "../colours.ts";

/** A Plotly figure. */
export interface Plot {
  data: unknown[];
  layout: Record<string, unknown>;
}

/**
 * A copy of a figure for a light or a dark page: in the dark each colour of the light theme is
 * replaced by its counterpart, and what names no colour gets the page's in either.
 */
export function paint({ data, layout }: Plot, dark: boolean): Plot {
  const { paper, ink, muted, grid, series } = dark ? theme.dark : theme.light;
  const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid };
  const template = {
    layout: {
      font: { color: ink, family: FONT_FAMILY },
      paper_bgcolor: paper,
      plot_bgcolor: paper,
      colorway: series,
      modebar: { bgcolor: "rgba(0, 0, 0, 0)", color: muted, activecolor: series[0] },
      xaxis: axis,
      yaxis: axis,
    },
  };
  const copy = { data, layout: { template, ...layout } };
  return dark ? darken(copy) as Plot : copy;
}

function darken(value: unknown): unknown {
  if (typeof value === "string") return darkColour(value);
  if (isColourScale(value)) return darkScale(value);
  if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map(darken);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, darken(item)]));
}

type ColourScale = [number, string][];

function isColourScale(value: unknown): value is ColourScale {
  return Array.isArray(value) && value.length > 0 &&
    value.every((stop) =>
      Array.isArray(stop) && stop.length === 2 && typeof stop[0] === "number" &&
      typeof stop[1] === "string"
    );
}

/**
 * A colour scale whose steps are colours of the theme, as a legend beside it has them. One that runs
 * through other colours stays as it is, since with some of them replaced it would turn back.
 */
function darkScale(scale: ColourScale): ColourScale {
  const colours = new Set(scale.map(([, colour]) => colour));
  const isStepped = colours.size <= scale.length / 2;
  const isOurs = [...colours].every((colour) => DARK_COUNTERPARTS[colour.toLowerCase()]);
  if (!isStepped && !isOurs) return scale;
  return scale.map(([at, colour]) => [at, darkColour(colour)]);
}

/** "#rrggbb" and "rgba(r, g, b, a)" are replaced, other text is left alone. */
function darkColour(text: string): string {
  const rgba = /^rgba\((\d+), ?(\d+), ?(\d+), ?([\d.]+)\)$/.exec(text);
  if (!rgba) return DARK_COUNTERPARTS[text.toLowerCase()] ?? text;
  const hex = rgba.slice(1, 4).map((c) => Number(c).toString(16).padStart(2, "0")).join("");
  const dark = DARK_COUNTERPARTS[`#${hex}`];
  if (!dark) return text;
  const channels = [1, 3, 5].map((i) => parseInt(dark.slice(i, i + 2), 16));
  return `rgba(${channels.join(", ")}, ${rgba[4]})`;
}
