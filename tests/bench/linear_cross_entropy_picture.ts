/**
 * Draws the README's picture from data/benchmarks/linear_cross_entropy.csv: time against memory of
 * one loss with gradients, in f32, ours and others', on the GPU that the file names.
 *
 *     deno run -A tests/bench/linear_cross_entropy_picture.ts
 */
import { houseStyle } from "../../lib/notebook/figure_layout.ts";
import { plotlySvg, svgToPng } from "../../lib/notebook/plotly_svg.ts";
import { theme } from "../../lib/notebook/theme.ts";

const FOLDER = new URL("../../data/benchmarks/", import.meta.url);

interface Point {
  name: string;
  ms: number;
  mebibytes: number;
  ours: boolean;
}

const NAMES: Record<string, string> = {
  "naive": "Cutloss naive",
  "chunked": "Cutloss chunked",
  "cut": "Cutloss cut, exact",
  "cut 0.000244140625": "Cutloss cut, filtered",
  "torch eager": "PyTorch eager",
  "torch compile": "PyTorch compiled",
  "liger": "Liger",
};

const [header, ...lines] = (await Deno.readTextFile(new URL("linear_cross_entropy.csv", FOLDER)))
  .trim().split("\n").map((line) => line.split(","));
const column = (name: string) => header.indexOf(name);
const points: Point[] = [];
for (const line of lines) {
  const value = (name: string) => line[column(name)];
  const key = `${value("impl")} ${value("filter_eps")}`.trim();
  const here = value("what") === "shape" && value("data") === "trained" &&
    value("v") === "50257" && value("pass") === "loss+gradient";
  if (!here || !NAMES[key] || value("ms_p50") === "") continue;
  points.push({
    name: NAMES[key],
    ms: Number(value("ms_p50")),
    mebibytes: Number(value("peak_bytes")) / 2 ** 20,
    ours: value("driver") === "WebGPU",
  });
}

const trace = (ours: boolean) => {
  const chosen = points.filter((point) => point.ours === ours);
  return {
    type: "scatter",
    mode: "markers+text",
    name: ours ? "Cutloss (WebGPU, Deno)" : "others (CUDA)",
    x: chosen.map(({ ms }) => ms),
    y: chosen.map(({ mebibytes }) => mebibytes),
    text: chosen.map(({ name }) => name.replace("Cutloss ", "")),
    textposition: chosen.map(({ name }) =>
      name === "PyTorch compiled"
        ? "middle left"
        : name.endsWith("naive")
        ? "middle right"
        : "top center"
    ),
    marker: {
      size: 13,
      symbol: ours ? "circle" : "diamond",
      color: theme.light.series[ours ? 0 : 1],
    },
  };
};
const figure = houseStyle({
  data: [trace(true), trace(false)],
  layout: {
    xaxis: { title: { text: "Time of loss and gradients (ms)" }, range: [0, 75] },
    yaxis: {
      title: { text: "Peak memory above inputs (MiB)" },
      type: "log",
      range: [2, 3.85],
      tickvals: [100, 200, 500, 1000, 2000, 5000],
    },
    legend: { x: 0.02, y: 0.98 },
  },
});
const png = await svgToPng(await plotlySvg(figure, { width: 760, height: 400 }));
await Deno.writeFile(new URL("linear_cross_entropy.png", FOLDER), png);
console.log(`Drew ${points.length} points.`);
