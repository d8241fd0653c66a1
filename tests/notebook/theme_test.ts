import { assert, assertEquals } from "@std/assert";
import { theme } from "../../lib/notebook/theme.ts";

/** Contrast of two colours "#rrggbb", from 1 to 21 (WCAG 2.2, "contrast ratio"). */
function contrast(a: string, b: string): number {
  const luminance = (colour: string) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

for (const [name, colours] of Object.entries(theme)) {
  Deno.test(`The ${name} theme can be read: text 4.5 to 1 and more, series 3 to 1`, () => {
    assert(contrast(colours.ink, colours.paper) >= 7);
    assert(contrast(colours.muted, colours.paper) >= 4.5);
    for (const colour of colours.series) assert(contrast(colour, colours.paper) >= 3, colour);
  });
}

Deno.test("Each light colour has one dark counterpart, and no two series look alike", () => {
  assertEquals(theme.light.series.length, theme.dark.series.length);
  for (const { series } of Object.values(theme)) assertEquals(new Set(series).size, series.length);
});
