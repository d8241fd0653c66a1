/** Runs an experiment on the reader's device: check first, then sizes as long as they are quick. */
import {
  DeviceLostError,
  formatBytes,
  NoAdapterError,
  OutOfMemoryError,
} from "../../gpu/errors.ts";
import { Gpu } from "../../tensor/gpu.ts";
import type { Check, Experiment, FailureKind, Plan, Report, Workload } from "./experiment.ts";

/** Where an experiment is. */
export interface Stage {
  text: string;
  /** Share of the whole that is done, from 0 to 1. */
  done: number;
}

/** Options of {@linkcode runExperiment}. */
export interface RunOptions {
  /** Ends the experiment after the measurement that is running. */
  signal?: AbortSignal;
  /** Called as something begins. */
  onStage?: (stage: Stage) => void;
  /** Called after every check and measurement, with all that is known. */
  onReport?: (report: Report) => void;
  /** Bytes that may be in use at once. */
  memoryLimit?: number;
}

const GiB = 2 ** 30;

/** Half of the memory that the browser admits to, at most 4 GiB. */
function defaultMemoryLimit(): number {
  const { deviceMemory = 4 } = (globalThis.navigator ?? {}) as { deviceMemory?: number };
  return Math.min(4, deviceMemory / 2) * GiB;
}

/** Lets the page draw and hear clicks. */
const pause = () => new Promise((resolve) => setTimeout(resolve));

/**
 * Opens a device, checks the experiment's results against 64-bit arithmetic, and measures every
 * series at the plan's sizes, small ones first. A series ends where it does not fit into memory or
 * where its next size would take too long.
 *
 * Never throws: what went wrong stands in the report, beside what was measured until then.
 */
export async function runExperiment(
  experiment: Experiment,
  plan: Plan,
  options: RunOptions = {},
): Promise<Report> {
  const { signal, onStage = () => {}, onReport = () => {} } = options;
  const { memoryLimit = defaultMemoryLimit() } = options;
  const start = performance.now();
  const { experiment: name, notebook, version, title, settings } = plan;
  const report: Report = {
    ...{ experiment: name, notebook, version, title, settings },
    started: new Date().toISOString(),
    ...{ seconds: 0, memoryLimit, checks: [], points: [], ended: [], outcome: "finished" },
  };
  let gpu: Gpu | undefined;
  try {
    onStage({ text: "Opening the device", done: 0 });
    gpu = await Gpu.open({ memoryLimit, autotune: false });
    report.adapter = describe(gpu);
    report.note = experiment.note?.(gpu);
    onStage({ text: "Checking the results against 64-bit arithmetic", done: 0.02 });
    await pause();
    report.checks = await experiment.check(gpu);
    onReport(report);
    const wrong = report.checks.find(({ error, tolerance }) => !(error <= tolerance));
    if (wrong) throw new WrongResult(wrong);
    signal?.throwIfAborted();
    await measureAll(experiment, plan, gpu, report, { ...options, onStage, onReport });
  } catch (error) {
    if (signal?.aborted && !(error instanceof DeviceLostError)) report.outcome = "stopped";
    else {
      report.outcome = "failed";
      report.failure = { kind: kindOf(error), message: messageOf(error) };
    }
  } finally {
    gpu?.[Symbol.dispose]();
  }
  report.seconds = (performance.now() - start) / 1000;
  onReport(report);
  return report;
}

/** A result is too far from 64-bit arithmetic. */
class WrongResult extends Error {
  constructor({ series, what, error, tolerance }: Check) {
    super(
      `On this device "${series}" gives a ${what} that is off by ${
        error.toExponential(1)
      } of its ` +
        `largest value, where ${tolerance.toExponential(1)} is allowed.`,
    );
  }
}

async function measureAll(
  experiment: Experiment,
  plan: Plan,
  gpu: Gpu,
  report: Report,
  options: RunOptions & Required<Pick<RunOptions, "onStage" | "onReport">>,
): Promise<void> {
  const { software } = gpu.adapter;
  const { signal, onStage, onReport } = options;
  const { longestRun = software ? 10_000 : 1500, budget = 120 } = plan;
  // A program on the CPU is slow however small the size: one run of each will do.
  const rounds = software ? 1 : 3;
  const start = performance.now();
  const room = `more memory than ${formatBytes(report.memoryLimit)}`;
  let alive = [...experiment.series];
  const end = (series: string, x: number, reason: string) => {
    report.ended.push({ series, x, reason });
    alive = alive.filter((name) => name !== series);
  };
  onStage({ text: "Making the inputs", done: 0.05 });
  await pause();
  using session = experiment.open(gpu, plan.settings, plan.steps);
  for (const [i, x] of plan.steps.entries()) {
    for (const series of alive) {
      const last = report.points.findLast((point) => point.series === series);
      const expected = last ? last.ms * (x / last.x) ** experiment.power : 0;
      if (expected > longestRun) {
        end(series, x, `a run would take more than ${longestRun / 1000} s`);
      } else if (last && (performance.now() - start) / 1000 > budget) {
        end(series, x, `the time for the experiment, ${budget} s, was used up`);
      }
    }
    if (alive.length === 0) return;
    let workload: Workload;
    try {
      workload = await session.at(x);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      for (const series of alive) end(series, x, `the inputs need ${room}`);
      return;
    }
    using _ = workload;
    for (const [k, series] of alive.entries()) {
      signal?.throwIfAborted();
      const done = 0.05 + 0.95 * (i + k / alive.length) / plan.steps.length;
      onStage({ text: `${plan.letter} = ${x}, ${series}`, done });
      await pause();
      try {
        const measured = await workload.measure(series, rounds);
        const value = await workload.value(series);
        report.points.push({ series, x, ...measured, value });
      } catch (error) {
        if (!(error instanceof OutOfMemoryError)) throw error;
        gpu.throwIfFailed();
        end(series, x, `a run needs ${room}`);
      }
      onReport(report);
    }
  }
}

function describe(gpu: Gpu): Report["adapter"] {
  const { maxBufferSize, maxStorageBufferBindingSize } = gpu.limits;
  return {
    ...gpu.adapter,
    features: [...gpu.features],
    maxBufferSize,
    maxStorageBufferBindingSize,
  };
}

function kindOf(error: unknown): FailureKind {
  if (error instanceof NoAdapterError) return "no-adapter";
  if (error instanceof DeviceLostError) return "lost";
  return error instanceof WrongResult ? "wrong" : "error";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
