/** What a page's "Rerun here" runs: see lib/report/rerun_panel.ts for how a notebook asks for it. */
import type { Gpu } from "../../tensor/gpu.ts";
import type { RunMeasurement } from "../../tensor/measure_run.ts";

/** Sizes that stay the same over an experiment, such as V and D. */
export type Settings = Readonly<Record<string, number>>;

/** One measurement: a series (a way to compute something) at a size. */
export interface Point {
  series: string;
  x: number;
  ms: number;
  /** Most bytes held above the inputs; gradients count. */
  peakBytes: number;
}

/** A measurement made by the page's reader. */
export interface MeasuredPoint extends Point, RunMeasurement {
  /** What was computed, as one number, by which results can be compared. */
  value: number;
}

/** How far a result is from the same formula in 64-bit arithmetic on the host. */
export interface Check {
  series: string;
  /** What was compared, such as "loss" or "gradient of E". */
  what: string;
  /** Largest difference, relative to the largest value. */
  error: number;
  /** What is allowed. */
  tolerance: number;
}

/** Work at one size. */
export interface Workload extends Disposable {
  /** Measures one of the experiment's series. */
  measure(series: string, rounds: number): Promise<RunMeasurement>;
  /** What a series computes, as one number. */
  value(series: string): Promise<number>;
}

/** An experiment on a device. */
export interface Session extends Disposable {
  /** Makes what is needed at a size. */
  at(x: number): Promise<Workload> | Workload;
}

/** Something that can be measured in a browser: web standards only. */
export interface Experiment {
  /** Ways to compute the same thing, in the order in which they are measured. */
  series: readonly string[];
  /** Time grows with this power of x. */
  power: number;
  /** What people should know about results on a device; a sentence. */
  note?(gpu: Gpu): string | undefined;
  /** Compares each series with 64-bit arithmetic, at sizes that are no multiples of anything. */
  check(gpu: Gpu): Promise<Check[]>;
  /** @param steps Values of x that may be asked for. */
  open(gpu: Gpu, settings: Settings, steps: readonly number[]): Session;
}

/** What a page tells an experiment; written when the site is exported. */
export interface Plan {
  /** Name of the experiment's module. */
  experiment: string;
  /** Name of the notebook whose page this is. */
  notebook: string;
  /** Version of this library. */
  version: string;
  /** What is measured, for people. */
  title: string;
  /** The experiment's series, in its order, each with the number of its colour in the theme. */
  series: readonly { name: string; colour: number }[];
  /** What x is, for people, and its letter. */
  axis: string;
  letter: string;
  /** What `MeasuredPoint.value` is, for people. */
  value: string;
  settings: Settings;
  /** Values of x, which counts tokens, ascending. */
  steps: readonly number[];
  /**
   * Longest run in milliseconds, by what smaller sizes took (default 1500, since drivers reset a GPU
   * after about 2 s; 10,000 where a program on the processor computes).
   */
  longestRun?: number;
  /** Seconds after which no further size is begun (default 120). */
  budget?: number;
  /** Measurements that ship with the site, if there are any. */
  stored?: { source: string; points: readonly Point[] };
}

/** How an experiment ended. */
export type Outcome = "finished" | "stopped" | "failed";

/** What went wrong: there is no adapter, the device was lost, a result is wrong, or anything else. */
export type FailureKind = "no-adapter" | "lost" | "wrong" | "error";

/** All that an experiment found; what the JSON file holds. */
export interface Report {
  experiment: string;
  notebook: string;
  version: string;
  title: string;
  settings: Settings;
  /** ISO date and time. */
  started: string;
  seconds: number;
  adapter?: {
    description: string;
    vendor: string;
    architecture: string;
    device: string;
    software: boolean;
    features: string[];
    maxBufferSize: number;
    maxStorageBufferBindingSize: number;
  };
  /** Bytes that the experiment allowed itself. */
  memoryLimit: number;
  /** What people should know about these results; a sentence. */
  note?: string;
  checks: Check[];
  points: MeasuredPoint[];
  /** Why a series ended before the largest size, and where. */
  ended: { series: string; x: number; reason: string }[];
  outcome: Outcome;
  failure?: { kind: FailureKind; message: string };
}
