import { assert, assertEquals } from "@std/assert";
import { houseStyle } from "../../lib/notebook/figure_layout.ts";
import { fitFigure, NARROW } from "../../lib/report/page/fit_figure.ts";
import { wrap } from "../../lib/report/page/fit_text.ts";
import type { Plot } from "../../lib/report/page/paint.ts";

type Json = Record<string, unknown>;
type Axis = { domain: number[]; title: { text: string }; showticklabels?: boolean } & Json;

const OWN = { width: 720, height: 420 };
const PHONE = 326;

/** Two panels side by side, of which only the left one says what its y axis is. */
function twoPanels(): Plot {
  return houseStyle({
    data: [
      { x: [1, 10], y: [1, 1000], name: "naive" },
      { x: [1, 10], y: [1, 2], name: "naive", xaxis: "x2", yaxis: "y2", showlegend: false },
    ],
    layout: {
      xaxis: { title: "Tokens N, loss", domain: [0, 0.48] },
      xaxis2: { title: "Tokens N, loss and gradients", domain: [0.52, 1], anchor: "y2" },
      yaxis: { title: "Peak memory (MiB)", type: "log", dtick: 1, tickformat: ",~r" },
      yaxis2: { matches: "y", anchor: "x2", type: "log", showticklabels: false },
      annotations: [{
        ...{ text: "with gradients", x: 0.52, y: 1.01, xref: "paper", yref: "paper" },
        ...{ xanchor: "left", yanchor: "bottom", showarrow: false },
      }],
      shapes: [
        { type: "line", xref: "x2", yref: "paper", x0: 2, x1: 2, y0: 0, y1: 1 },
        { type: "line", xref: "paper", yref: "paper", x0: 0, x1: 1, y0: 0, y1: 1 },
      ],
    },
  }) as Plot;
}

Deno.test("a figure with room for it is drawn as it was made, in its own proportions", () => {
  const plot = twoPanels();
  const fitted = fitFigure(plot, OWN, 780);
  assertEquals(fitted, { plot, width: 780, height: 455 });
  assertEquals(fitFigure(plot, OWN, NARROW).plot, plot);
});

Deno.test("on a phone panels stand one below the other, each with labels and titles", () => {
  const before = JSON.stringify(twoPanels());
  const plot = twoPanels();
  const { plot: { layout }, width, height } = fitFigure(plot, OWN, PHONE);
  assertEquals(JSON.stringify(plot), before, "the figure itself is left alone");
  assertEquals(width, PHONE);
  assert(height > 500, `${height} px`);
  const [x, x2, y, y2] = ["xaxis", "xaxis2", "yaxis", "yaxis2"].map((key) => layout[key] as Axis);
  assertEquals([x.domain, x2.domain], [[0, 1], [0, 1]]);
  assert(y.domain[1] === 1 && y.domain[0] > y2.domain[1] && y2.domain[0] === 0);
  assertEquals([y2.title.text, y2.showticklabels], ["Peak memory (MiB)", true]);
  assertEquals([y2.dtick, y2.tickformat], [1, ",~r"], "labelled alike");
});

Deno.test("on a phone numbers behind horizontal bars have room on the right", () => {
  const right = (text?: string[]) => {
    const bars = { type: "bar", orientation: "h", x: [5800, 900], y: ["go", "r"] };
    const plot = houseStyle({
      data: [{ ...bars, ...text && { text, textposition: "outside" } }],
      layout: { xaxis: { title: "Snippets" }, yaxis: { title: "Language" } },
    }) as Plot;
    return (fitFigure(plot, OWN, PHONE).plot.layout.margin as { r: number }).r;
  };
  assertEquals(right(), 14);
  assert(right(["5,800", "900"]) > 40, `${right(["5,800", "900"])} px`);
});

Deno.test("headings and lines move along with their panel", () => {
  const { layout } = fitFigure(twoPanels(), OWN, PHONE).plot;
  const y2 = layout.yaxis2 as Axis;
  const [heading] = layout.annotations as { x: number; y: number }[];
  assertEquals(heading.x, 0);
  assert(heading.y > y2.domain[1] && heading.y < (layout.yaxis as Axis).domain[0]);
  const [inPanel, across] = layout.shapes as Json[];
  assertEquals([inPanel.x0, inPanel.y0, inPanel.y1], [2, 0, y2.domain[1]]);
  assertEquals([across.x0, across.x1], [0, 1], "a line that belongs to no panel stays");
});

Deno.test("labels that would meet stand upright, and too many of them widen the figure", () => {
  const bars = (labels: string[]) =>
    fitFigure(
      houseStyle({
        data: [{ type: "bar", x: labels, y: labels.map((_, i) => i) }],
        layout: { xaxis: { title: "Word" }, yaxis: { title: "Times" } },
      }) as Plot,
      OWN,
      PHONE,
    );
  const angle = ({ plot }: { plot: Plot }) => (plot.layout.xaxis as Json).tickangle;
  assertEquals(angle(bars(["a", "b", "c"])), undefined);
  const several = bars(["yesterday", "the", "singer", "sang", "another", "song"]);
  assertEquals([angle(several), several.width], [-90, PHONE]);
  const many = bars(Array.from({ length: 48 }, (_, i) => `token ${i}`));
  assert(many.width > 48 * 12, `${many.width} px`);
});

Deno.test("repeated labels that the author set count each", () => {
  const places = Array.from({ length: 40 }, (_, i) => i);
  const { width } = fitFigure(
    houseStyle({
      data: [{ type: "bar", x: places, y: places }],
      layout: {
        xaxis: { title: "Token", tickvals: places, ticktext: places.map(() => "[TAB]") },
        yaxis: { title: "Points" },
      },
    }) as Plot,
    OWN,
    PHONE,
  );
  assert(width > 40 * 12, `${width} px`);
});

Deno.test("on a phone a colour bar lies above the plot, and a touch scrolls the page", () => {
  const plot = houseStyle({
    data: [{ type: "heatmap", z: [[1, 2], [3, 4]], colorbar: { title: { text: "Weight" } } }],
    layout: { xaxis: { title: "Looked at" }, yaxis: { title: "Looking" } },
  }) as Plot;
  const { data, layout } = fitFigure(plot, OWN, PHONE).plot;
  const { orientation, y, title } = (data[0] as { colorbar: Json }).colorbar;
  assertEquals([orientation, title], ["h", { text: "Weight", side: "top" }]);
  assert(y as number > 1);
  assertEquals(layout.dragmode, false);
});

Deno.test("figures of other libraries are fitted, too, whatever their layout says", () => {
  const given = {
    data: [{ x: [1, 2], y: [3, 4] }],
    layout: { xaxis: { title: "Time" }, yaxis: {} },
  };
  const { layout } = fitFigure(given, OWN, PHONE).plot;
  assertEquals([layout.xaxis, layout.yaxis].map((axis) => (axis as Axis).title.text), ["Time", ""]);
  assertEquals(fitFigure({ data: [{ type: "pie" }], layout: {} }, OWN, PHONE).width, PHONE);
});

Deno.test("titles are broken into few lines of about the same length", () => {
  assertEquals(wrap("Time (ms)", 300, 13), "Time (ms)");
  assertEquals(
    wrap("Gain in accuracy over no features (points)", 250, 13),
    "Gain in accuracy over<br>no features (points)",
  );
  assertEquals(wrap("Unbreakable", 10, 13), "Unbreakable");
});
