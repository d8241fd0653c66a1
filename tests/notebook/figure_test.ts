import { assert, assertEquals, assertRejects } from "@std/assert";
import { figureOutput } from "../../lib/notebook/figure.ts";
import { fontFiles, readFontMetrics } from "../../lib/notebook/font.ts";
import { PLOTLY_MIME } from "../../lib/notebook/outputs.ts";
import { svgToPng } from "../../lib/notebook/plotly_svg.ts";

const WORDS = { caption: "Peak memory of the loss.", alt: "Two lines." };
const TWO_LINES = {
  data: [
    { x: [256, 512, 1024], y: new Float32Array([12.3456789, 25, 50]), name: "naive" },
    { x: [256, 512, 1024], y: [0.1, 0.2, NaN], name: "cut" },
  ],
  layout: {
    xaxis: { title: "Tokens N", type: "log" },
    yaxis: { title: { text: "Peak memory (MiB)" } },
  },
};

Deno.test("A figure is a bundle of Plotly, SVG, PNG and text, and no HTML", async () => {
  const { data, metadata } = await figureOutput({ ...TWO_LINES, ...WORDS });
  assertEquals(Object.keys(data), [PLOTLY_MIME, "image/svg+xml", "image/png", "text/plain"]);
  const svg = data["image/svg+xml"] as string;
  for (const words of ["Tokens N", "Peak memory (MiB)", "naive", "cut", "1,024"]) {
    assert(svg.includes(`>${words}<`), `the picture says ${words}`);
  }
  const png = Uint8Array.fromBase64(data["image/png"] as string);
  assertEquals([...png.subarray(1, 4)], [..."PNG"].map((letter) => letter.charCodeAt(0)));
  assertEquals(new DataView(png.buffer).getUint32(16), 720);
  assert(JSON.stringify(data).length < 100_000, "small enough for a notebook");
  assertEquals(metadata?.kind, "figure");
});

Deno.test("A figure's numbers come along as a table with units, rounded, without NaN", async () => {
  const { metadata } = await figureOutput({ ...TWO_LINES, ...WORDS });
  assert(metadata?.kind === "figure");
  assertEquals(metadata.id, "peak-memory-of-the-loss");
  assertEquals(metadata.table, {
    columns: [
      { name: "Tokens N", numeric: true },
      { name: "naive", unit: "MiB", numeric: true },
      { name: "cut", unit: "MiB", numeric: true },
    ],
    rows: [[256, 12.3457, 0.1], [512, 25, 0.2], [1024, 50, null]],
  });
});

Deno.test("Drawing the same figure twice gives the same picture and leaves its data alone", async () => {
  const before = structuredClone(TWO_LINES);
  const first = await figureOutput({ ...TWO_LINES, ...WORDS });
  const second = await figureOutput({ ...TWO_LINES, ...WORDS });
  assertEquals(first, second);
  assertEquals(TWO_LINES, before);
});

Deno.test("An axis without a title, a caption and an alternative text are asked for", async () => {
  const { data } = TWO_LINES;
  const layout = { xaxis: { title: "Tokens N" } };
  await assertRejects(
    () => figureOutput({ data, layout, ...WORDS }),
    Error,
    "layout.yaxis has no title",
  );
  await assertRejects(
    () => figureOutput({ ...TWO_LINES, caption: "", alt: "x" }),
    Error,
    "caption is empty",
  );
  await assertRejects(
    () => figureOutput({ ...TWO_LINES, caption: "x", alt: " " }),
    Error,
    "alt is empty",
  );
  await assertRejects(() => figureOutput({ ...WORDS, data: [] }), Error, "data has no traces");
  const second = [{ x: [1], y: [2], yaxis: "y2" }];
  const complete = TWO_LINES.layout;
  await assertRejects(
    () => figureOutput({ data: second, layout: complete, ...WORDS }),
    Error,
    "layout.yaxis2 has no title",
  );
});

Deno.test("A heat map is drawn tile by tile, and its table has x, y and value", async () => {
  const { data, metadata } = await figureOutput({
    data: [{ type: "heatmap", z: [[0, 1], [2, 3]], colorbar: { title: { text: "Share (%)" } } }],
    layout: { xaxis: { title: "Column" }, yaxis: { title: "Row" } },
    ...WORDS,
  });
  const svg = data["image/svg+xml"] as string;
  assert(svg.includes("data:image/png;base64,"), "the tiles are a picture in the picture");
  assert(/fill: url\(#[\w-]+\)/.test(svg), "the colour bar names its gradient without quotes");
  assert(metadata?.kind === "figure");
  assertEquals(metadata.table.columns.map(({ name }) => name), ["Column", "Row", "Share"]);
  assertEquals(metadata.table.rows, [[0, 0, 0], [1, 0, 1], [0, 1, 2], [1, 1, 3]]);
});

Deno.test("Series over different x stand one below the other in the table", async () => {
  const { metadata } = await figureOutput({
    data: [{ x: [1], y: [2], name: "a" }, { x: [3, 4], y: [5, 6], name: "b" }],
    layout: { xaxis: { title: "Step" }, yaxis: { title: "Loss (nats)" } },
    ...WORDS,
  });
  assert(metadata?.kind === "figure");
  assertEquals(metadata.table.rows, [["a", 1, 2], ["b", 3, 5], ["b", 4, 6]]);
});

Deno.test("Numbers written in a picture keep their digits", async () => {
  const { data } = await figureOutput({
    data: [{ x: [1, 2], y: [0.001, 0.002] }],
    layout: {
      xaxis: { title: "Step" },
      yaxis: { title: "Share", tickvals: [0.001, 0.002], ticktext: ["0.001", "0.0025"] },
    },
    ...WORDS,
  });
  const svg = String(data["image/svg+xml"]);
  assert(svg.includes(">0.001<") && svg.includes(">0.0025<"));
});

Deno.test("Text is drawn by the font that comes along, without any of the system", async () => {
  const picture = (words: string) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40"><text x="5" y="25"
      style="font-family: Inter, sans-serif; font-size: 16px">${words}</text></svg>`;
  // svgToPng looks at no system font, so that a difference means that glyphs were found
  const empty = await svgToPng(picture(""));
  for (const words of ["Memory", "αβ", "10⁻³", "−×≤"]) {
    assert((await svgToPng(picture(words))).length > empty.length + 100, `${words} is drawn`);
  }
});

Deno.test("Widths of text follow the font", async () => {
  const [regular] = await fontFiles();
  const font = readFontMetrics(await Deno.readFile(regular));
  assertEquals(font.width("", 12), 0);
  assert(font.width("iii", 12) < font.width("mmm", 12));
  assert(Math.abs(font.width("Memory", 24) - 2 * font.width("Memory", 12)) < 1e-9);
  assert(font.width("Memory", 12) > 40 && font.width("Memory", 12) < 56);
});

Deno.test("Two figures share no identifier, and a legend is not cut off where letters are wider", async () => {
  const [first, second] = await Promise.all(["one", "two"].map(async (id) => {
    const { data } = await figureOutput({ ...TWO_LINES, ...WORDS, id });
    return data["image/svg+xml"] as string;
  }));
  const idsOf = (svg: string) => [...svg.matchAll(/\sid="([^"]+)"/g)].map((match) => match[1]);
  assert(idsOf(first).length > 0);
  assertEquals(idsOf(first).filter((id) => idsOf(second).includes(id)), []);
  for (const [, id] of first.matchAll(/url\(#([^)]+)\)/g)) {
    assert(idsOf(first).includes(id), `${id} is in the picture`);
  }
  assert(first.includes('class="scrollbox"') && !/scrollbox"[^>]*clip-path/.test(first));
});

Deno.test("Numbers of panels with axes of their own stand under the titles of those axes", async () => {
  const { metadata } = await figureOutput({
    data: [
      { type: "bar", orientation: "h", name: "memory", y: ["a", "b"], x: [1, 2] },
      {
        type: "bar",
        orientation: "h",
        name: "time",
        y: ["a", "b"],
        x: [30, 40],
        xaxis: "x2",
        yaxis: "y2",
      },
    ],
    layout: {
      xaxis: { title: "Memory (MiB)", domain: [0, 0.45] },
      xaxis2: { title: "Time (ms)", domain: [0.55, 1], anchor: "y2" },
      yaxis: { title: "Way" },
      yaxis2: { title: { text: " " }, anchor: "x2", showticklabels: false },
    },
    ...WORDS,
  });
  assert(metadata?.kind === "figure");
  assertEquals(metadata.table?.columns.map(({ name, unit }) => unit ? `${name} (${unit})` : name), [
    "Series",
    "Memory (MiB)",
    "Time (ms)",
    "Way",
  ]);
  assertEquals(metadata.table?.rows, [
    ["memory", 1, null, "a"],
    ["memory", 2, null, "b"],
    ["time", null, 30, "a"],
    ["time", null, 40, "b"],
  ]);
});
