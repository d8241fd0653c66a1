import { assertEquals } from "@std/assert";
import { theme } from "../../lib/notebook/theme.ts";
import { paint } from "../../lib/report/page/paint.ts";

const { light, dark } = theme;

/** A trace as it is on a dark page. */
function inTheDark(trace: Record<string, unknown>): Record<string, unknown> {
  return paint({ data: [trace], layout: {} }, true).data[0] as Record<string, unknown>;
}

Deno.test("on a dark page colours of the theme have their counterparts, others stay", () => {
  const [blue, red] = light.series;
  assertEquals(inTheDark({ marker: { color: [blue, "#123456"] }, line: { color: red } }), {
    marker: { color: [dark.series[0], "#123456"] },
    line: { color: dark.series[1] },
  });
  assertEquals(
    inTheDark({ fillcolor: "rgba(0, 114, 178, 0.2)" }).fillcolor,
    "rgba(74, 168, 232, 0.2)",
  );
  assertEquals(inTheDark({ x: [1, 2], name: "naive" }), { x: [1, 2], name: "naive" });
  const trace = { marker: { color: blue } };
  assertEquals(
    paint({ data: [trace], layout: {} }, false).data,
    [trace],
    "on a light one all stay",
  );
});

Deno.test("a figure's tools have no ground of their own, and icons in the colour of notes", () => {
  for (const isDark of [false, true]) {
    const { template } = paint({ data: [], layout: {} }, isDark).layout;
    const { muted, series: [accent] } = isDark ? dark : light;
    assertEquals((template as { layout: { modebar: unknown } }).layout.modebar, {
      bgcolor: "rgba(0, 0, 0, 0)",
      color: muted,
      activecolor: accent,
    });
  }
});

Deno.test("the steps of a colour scale change along with the legend beside it", () => {
  const [blue] = light.series;
  const steps = [[0, "#b9c2cc"], [0.5, "#b9c2cc"], [0.5, blue], [1, blue]];
  assertEquals(inTheDark({ colorscale: steps }).colorscale, [
    ...[[0, "#b9c2cc"], [0.5, "#b9c2cc"]],
    ...[[0.5, dark.series[0]], [1, dark.series[0]]],
  ]);
});

Deno.test("a colour scale that runs through other colours stays whole", () => {
  const [blue, red] = light.series;
  const own = [[0, light.paper], [0.5, "#93b9d6"], [1, "#08426f"]];
  assertEquals(inTheDark({ colorscale: own }).colorscale, own);
  assertEquals(inTheDark({ colorscale: [[0, red], [0.5, light.paper], [1, blue]] }).colorscale, [
    ...[[0, dark.series[1]], [0.5, dark.paper], [1, dark.series[0]]],
  ]);
});
