import { readBenchmark } from "../data/benchmark_table.ts";
import { cellTags, type NotebookCell, type NotebookFile } from "./nbformat.ts";
import type { Plan, Point } from "./rerun/experiment.ts";

/** Where the measurements lie that experiments are compared with. */
const BENCHMARKS = new URL("../../data/benchmarks/", import.meta.url);

/** Experiments by the name of their module in lib/report/rerun, each with what fills its plan. */
const EXPERIMENTS: Record<
  string,
  () => Promise<Omit<Plan, "experiment" | "notebook" | "version">>
> = {
  linear_cross_entropy: async () => {
    const settings = { v: 50257, d: 768, seed: 0 };
    const rows = (await readBenchmark(new URL("linear_cross_entropy.csv", BENCHMARKS)))
      .filter((row) =>
        Number(row.v) === settings.v && Number(row.d) === settings.d &&
        row.data === "trained" && row.pass === "loss+gradient" &&
        (row.what === "growth of N" || row.what === "shape")
      );
    return {
      title: "Loss and gradients of one batch, V = 50,257, D = 768, peaked",
      // The colours that notebook 06 gives them.
      series: [
        { name: "naive", colour: 1 },
        { name: "chunked", colour: 2 },
        { name: "cut, exact", colour: 0 },
        { name: "cut, filtered", colour: 3 },
      ],
      axis: "Tokens N",
      letter: "N",
      value: "Loss (nats)",
      settings,
      steps: [16, 64, 256, 512, 1024, 2048, 4096, 8192, 16384],
      tokensPerStep: 1,
      stored: storedPoints(rows, (row) => ({ series: nameOfWay(row), x: Number(row.n) })),
    };
  },
  differential_attention: async () => {
    const settings = { heads: 8, d: 64, seed: 0 };
    const rows = await readBenchmark(new URL("differential_attention.csv", BENCHMARKS));
    return {
      title: "Causal attention and its gradients for one sequence: 8 differential heads beside " +
        "16 ordinary ones, d = 64",
      series: [{ name: "ordinary", colour: 1 }, { name: "differential", colour: 0 }],
      axis: "Tokens T",
      letter: "T",
      value: "Mean square of the result",
      settings,
      steps: [16, 64, 256, 512, 1024, 2048, 4096, 8192],
      tokensPerStep: 1,
      stored: storedPoints(rows, (row) => ({ series: row.series, x: Number(row.time) })),
    };
  },
};

/** The series that a stored row belongs to; others have none. */
function nameOfWay({ impl, filter_eps }: Record<string, string>): string | undefined {
  if (impl === "naive" || impl === "chunked") return impl;
  if (impl !== "cut" || filter_eps === "auto") return undefined;
  return filter_eps === "" ? "cut, exact" : "cut, filtered";
}

function storedPoints(
  rows: Record<string, string>[],
  where: (row: Record<string, string>) => { series?: string; x: number },
): Plan["stored"] {
  const points: Point[] = [];
  for (const row of rows) {
    const { series, x } = where(row), ms = Number(row.ms_p50), peakBytes = Number(row.peak_bytes);
    if (!series || !(ms > 0) || !(peakBytes > 0)) continue;
    // A size may have been measured for two tables.
    if (points.some((point) => point.series === series && point.x === x)) continue;
    points.push({ series, x, ms, peakBytes });
  }
  if (points.length === 0) return undefined;
  points.sort((a, b) => a.x - b.x);
  return { source: `${rows[0].adapter}, ${rows[0].date}`, points };
}

/** The experiment that a cell asks for by a tag such as `rerun:linear_cross_entropy`. */
export function experimentOf(cell: NotebookCell): string | undefined {
  return cellTags(cell).find((tag) => tag.startsWith("rerun:"))?.slice("rerun:".length);
}

/**
 * The plans of the experiments that a notebook asks for, by name.
 *
 * @throws {Error} If there is no such experiment.
 */
export async function rerunPlans(
  notebook: NotebookFile,
  name: string,
): Promise<Map<string, Plan>> {
  const plans = new Map<string, Plan>();
  const { default: { version } } = await import("../../deno.json", { with: { type: "json" } });
  for (const experiment of notebook.cells.map(experimentOf)) {
    if (experiment === undefined) continue;
    if (!Object.hasOwn(EXPERIMENTS, experiment)) {
      throw new Error(
        `${name} has a cell tagged rerun:${experiment}; there are the experiments ` +
          `${Object.keys(EXPERIMENTS).join(", ")}.`,
      );
    }
    plans.set(experiment, {
      ...{ experiment, notebook: name, version },
      ...await EXPERIMENTS[experiment](),
    });
  }
  return plans;
}
