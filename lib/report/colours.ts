import { theme, type ThemeColours } from "../notebook/theme.ts";

function flatten({ paper, ink, muted, grid, fill, series }: ThemeColours): string[] {
  return [paper, ink, muted, grid, fill, ...series].map((colour) => colour.toLowerCase());
}

const DARK = flatten(theme.dark);

/** The dark counterpart of each colour of the figures' light theme, both as "#rrggbb". */
export const DARK_COUNTERPARTS: Readonly<Record<string, string>> = Object.fromEntries(
  flatten(theme.light).map((light, i) => [light, DARK[i]]),
);

/**
 * Lets an SVG picture in the figures' light colours follow its page: each colour that has a dark
 * counterpart becomes CSS's `light-dark(light, dark)`; others stay, and so do labels whose contrast
 * would be lost: on bars of other colours, and on heat maps, which are pictures of their own.
 */
export function adaptSvgColours(svg: string): string {
  const both = (whole: string, hex: string) => {
    const dark = DARK_COUNTERPARTS[hex.toLowerCase()];
    return dark ? `light-dark(${hex}, ${dark})` : whole;
  };
  return keepLabels(svg)
    .replace(/(?<=[:"'\s])#[0-9a-f]{6}\b(?=[;"'\s])/gi, (hex) => both(hex, hex))
    .replace(/\brgb\((\d+), ?(\d+), ?(\d+)\)/g, (whole, ...channels) => {
      const hex = channels.slice(0, 3).map((c) => Number(c).toString(16).padStart(2, "0")).join("");
      return both(whole, `#${hex}`);
    });
}

/** Writes colours of labels on what has no dark counterpart so that they are not replaced. */
function keepLabels(svg: string): string {
  const kept = (text: string) => text.replace(/rgb\((\d+), (\d+), (\d+)\)/g, "rgb($1 $2 $3)");
  const label =
    /(<path[^>]*\bfill: rgb\((\d+), (\d+), (\d+)\)[^>]*\/>)(<text class="bartext[^>]*>)/g;
  return svg.replace(label, (whole, bar, r, g, b, text) => {
    const hex = [r, g, b].map((c) => Number(c).toString(16).padStart(2, "0")).join("");
    if (DARK_COUNTERPARTS[`#${hex}`]) return whole;
    return bar + kept(text);
  }).replace(/<g class="heatmap-label"><text[^>]*>/g, kept);
}
