import { assert, assertEquals, assertThrows } from "@std/assert";
import { breathe, checkInterrupt, interruptSignal } from "../../lib/notebook/interrupt.ts";
import { livePlot } from "../../lib/notebook/live_plot.ts";
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
  const began = performance.now();
  for (let i = 0; i < 10_000; i++) await breathe();
  assert(performance.now() - began < 1000);
});
