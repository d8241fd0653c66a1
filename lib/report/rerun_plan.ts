import { readBenchmark } from "../data/benchmark_table.ts";
import { cellTags, type NotebookCell, type NotebookFile } from "./nbformat.ts";
import type { Plan, Point } from "./rerun/experiment.ts";

/** Where the measurements lie that experiments are compared with. */
const BENCHMARKS = new URL("../../data/benchmarks/", import.meta.url);

/** The part of a plan that belongs to the experiment. */
type ExperimentPlan = Omit<Plan, "experiment" | "notebook" | "version">;

/** What is planned for each experiment, by the name of its module in lib/report/rerun. */
const EXPERIMENTS: Record<string, () => Promise<ExperimentPlan>> = {
  linear_cross_entropy: planLoss,
  differential_attention: planAttention,
};

async function planLoss(): Promise<ExperimentPlan> {
  const settings = { v: 50257, d: 768, seed: 0 };
  const rows = (await readBenchmark(new URL("linear_cross_entropy.csv", BENCHMARKS))).filter((
    row,
  ) =>
    Number(row.v) === settings.v && Number(row.d) === settings.d && row.data === "trained" &&
    row.pass === "loss+gradient" && (row.what === "growth of N" || row.what === "shape")
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
    stored: stored(rows[0] && `${rows[0].adapter}, ${rows[0].date}`, rows, (row) => ({
      series: nameOfWay(row),
      x: Number(row.n),
      ms: Number(row.ms_p50),
      peakBytes: Number(row.peak_bytes),
    })),
  };
}

/** The series that a stored row belongs to; others have none. */
function nameOfWay({ impl, filter_eps }: Record<string, string>): string | undefined {
  if (impl === "naive" || impl === "chunked") return impl;
  if (impl !== "cut" || filter_eps === "auto") return undefined;
  return filter_eps === "" ? "cut, exact" : "cut, filtered";
}

async function planAttention(): Promise<ExperimentPlan> {
  const settings = { heads: 8, d: 64, seed: 0 };
  const rows = (await readBenchmark(new URL("attention.csv", BENCHMARKS)))
    .filter((row) => row.kind === "forward+backward" && Number(row.d) === settings.d);
  const names: Record<string, string> = { attention: "ordinary", diffAttention: "differential" };
  return {
    title: "Causal attention and its gradients for one sequence: 8 differential heads beside 16 " +
      "ordinary ones, d = 64",
    series: [{ name: "ordinary", colour: 1 }, { name: "differential", colour: 0 }],
    axis: "Tokens T",
    letter: "T",
    value: "Mean square of the result",
    settings,
    steps: [16, 64, 256, 512, 1024, 2048, 4096, 8192],
    stored: stored(rows[0]?.gpu, rows, (row) => ({
      series: names[row.way],
      x: Number(row.t),
      ms: Number(row.ms),
      peakBytes: Number(row.peak_mib) * 2 ** 20,
    })),
  };
}

/** Measurements of a table, those that lack something left out; undefined if none is left. */
function stored(
  source: string | undefined,
  rows: Record<string, string>[],
  read: (row: Record<string, string>) => Omit<Point, "series"> & { series?: string },
): Plan["stored"] {
  const points: Point[] = [];
  for (const row of rows) {
    const { series, x, ms, peakBytes } = read(row);
    if (!series || !(ms > 0) || !(peakBytes > 0)) continue;
    // A size may have been measured for two tables.
    if (points.some((point) => point.series === series && point.x === x)) continue;
    points.push({ series, x, ms, peakBytes });
  }
  if (!source || points.length === 0) return undefined;
  points.sort((a, b) => a.x - b.x);
  return { source, points };
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
    const plan = await EXPERIMENTS[experiment]();
    plans.set(experiment, { experiment, notebook: name, version, ...plan });
  }
  return plans;
}
