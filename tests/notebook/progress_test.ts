import { assert, assertEquals, assertThrows } from "@std/assert";
import { breathe, checkInterrupt, interruptSignal } from "../../lib/notebook/interrupt.ts";
import { livePlot } from "../../lib/notebook/live_plot.ts";
import { PLOTLY_MIME } from "../../lib/notebook/outputs.ts";
import type { PlotlyFigure } from "../../lib/notebook/plotly_svg.ts";
import { progress } from "../../lib/notebook/progress.ts";

/** What `run` prints, a line an entry. */
async function printedBy(run: () => Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line) => void lines.push(String(line));
  try {
    await run();
  } finally {
    console.log = log;
  }
  return lines;
}

Deno.test("Outside a notebook a thousand updates print a first and a last line", async () => {
  const lines = await printedBy(async () => {
    await using bar = progress(1000, { label: "Training" });
    for (let i = 1; i <= 1000; i++) await bar.update(i, { loss: 1 / i });
  });
  assertEquals(lines.length, 2);
  assert(lines[1].startsWith("100 % Training: 1000 of 1000 steps · "), lines[1]);
  assert(lines[1].endsWith("loss 0.001"), lines[1]);
});

Deno.test("A bar says rate, elapsed and left time, and whether it ended early", async () => {
  const bar = progress(100, { label: "Run", unit: "files" });
  await printedBy(() => bar.update(25));
  const { data, metadata } = bar.output(10);
  assertEquals(data["text/plain"], " 25 % Run: 25 of 100 files · 2.5 files/s · 10 s · 30 s left");
  assert((data["text/html"] as string).includes('value="25.0"'));
  await printedBy(() => bar.finish());
  assertEquals(metadata, {
    kind: "progress",
    label: "Run",
    done: 25,
    total: 100,
    seconds: 10,
    finished: false,
  });
});

Deno.test("A bar needs a positive total", () => {
  assertThrows(() => progress(0), Error, "total is 0");
});

Deno.test("A live plot keeps its last point, thins the others and draws every series", async () => {
  const plot = livePlot({ caption: "Loss <while> training.", alt: "It falls.", x: "Step" });
  await printedBy(async () => {
    for (let i = 1; i <= 5001; i++) await plot.add(i, { training: 5 / i, "a<b": 1 });
  });
  const { data, metadata } = plot.output();
  assert(metadata?.kind === "live-plot");
  const training = metadata.table.rows.filter(([name]) => name === "training");
  assert(training.length > 150 && training.length <= 400, `${training.length} points`);
  assertEquals(training[0], ["training", 1, 5]);
  assertEquals(training.at(-1)?.[1], 5001);
  const steps = training.map((row) => row[1] as number);
  assert(steps.every((step, i) => i === 0 || step > steps[i - 1]), "in order, none twice");
  const svg = data["image/svg+xml"] as string;
  assert(svg.includes("a&lt;b") && svg.includes("Loss (nats)") && !svg.includes("NaN"));
});

Deno.test("A live plot without words is refused before anything is trained", () => {
  assertThrows(() => livePlot({ caption: " ", alt: "y" }), Error, "livePlot: caption is empty");
  assertThrows(() => livePlot({ caption: "x", alt: "" }), Error, "livePlot: alt is empty");
});

Deno.test("Names at the ends of a live plot's lines do not meet", async () => {
  const plot = livePlot({ caption: "x", alt: "y" });
  await printedBy(async () => {
    await plot.add(1, { training: 3, validation: 2, test: 1 });
    await plot.add(2, { training: 1.001, validation: 1, test: 1.002 });
  });
  const svg = plot.output().data["image/svg+xml"] as string;
  const heights = ["training", "validation", "test"].map((name) =>
    Number(new RegExp(` y="([\\d.]+)"[^>]*>${name}<`).exec(svg)![1])
  ).sort((a, b) => a - b);
  assert(heights[1] - heights[0] >= 12 && heights[2] - heights[1] >= 12, heights.join());
});

Deno.test("What stays of a live plot is a figure with all its series, on the axis it had", async () => {
  const plot = livePlot({ caption: "Loss.", alt: "It falls.", log: true });
  await printedBy(async () => {
    for (let i = 1; i <= 5; i++) await plot.add(i, { training: 1 / i, validation: 2 / i });
  });
  const { data, metadata } = await plot.finalOutput();
  assertEquals(Object.keys(data), [PLOTLY_MIME, "image/svg+xml", "image/png", "text/plain"]);
  const { data: traces, layout } = data[PLOTLY_MIME] as PlotlyFigure;
  assertEquals(traces.map(({ name, mode, y }) => [name, mode, y]), [
    ["training", "lines", [1, 0.5, 0.333333, 0.25, 0.2]],
    ["validation", "lines", [2, 1, 0.666667, 0.5, 0.4]],
  ]);
  assertEquals((layout.yaxis as { type: string }).type, "log");
  assert(metadata?.kind === "live-plot" && metadata.table.rows.length === 10);
});

Deno.test("Points that are not finite are left out of a live plot", async () => {
  const plot = livePlot({ caption: "x", alt: "y", log: true });
  await printedBy(async () => {
    await plot.add(1, { a: NaN });
    await plot.add(2, { a: 0 });
    await plot.add(3, { a: 10 });
  });
  const { metadata, data } = plot.output();
  assert(metadata?.kind === "live-plot");
  assertEquals(metadata.table.rows, [["a", 3, 10]]);
  assert(!(data["image/svg+xml"] as string).includes("NaN"));
});

Deno.test("Nothing is interrupted outside a notebook, and asking costs little", async () => {
  assertEquals(interruptSignal().aborted, false);
  checkInterrupt();
  // The quickest of several: other programs of the machine slow some of them, never all.
  let quickest = Infinity;
  for (let repeat = 0; repeat < 10; repeat++) {
    const began = performance.now();
    for (let i = 0; i < 1000; i++) await breathe();
    quickest = Math.min(quickest, performance.now() - began);
  }
  assert(quickest < 100, `${quickest} ms`);
});
