/** Time and memory of work on a device. */
import { warmUp } from "../gpu/warm_up.ts";
import type { Gpu } from "./gpu.ts";

/** What {@linkcode measureRun} found. */
export interface RunMeasurement {
  /** Median time in milliseconds. */
  ms: number;
  /** Whether that is the device's clock; otherwise it is the host's, waiting included. */
  byDevice: boolean;
  /** Most bytes held above what was in use before. */
  peakBytes: number;
}

/**
 * Measures what `run` records. Memory is that of the first run, which finds none to use again: what a
 * run leaves behind for the next is counted, too. Time is that of later ones, when kernels are compiled
 * and a GPU that may have idled has been busy for some tenths of a second, until its clock is up.
 *
 * @param rounds how many runs are timed
 */
export async function measureRun(gpu: Gpu, run: () => void, rounds = 3): Promise<RunMeasurement> {
  gpu.trim(); // or a buffer of something else, up to an eighth too large, would count
  const { peak } = gpu.memory.measure(run);
  await gpu.sync();
  if (!gpu.adapter.software) await warmUp(gpu, run);
  const times: number[] = [];
  let byDevice = true;
  for (let round = 0; round < rounds; round++) {
    const timing = await gpu.time(run);
    times.push(timing.ms);
    byDevice &&= timing.byDevice;
  }
  times.sort((a, b) => a - b);
  const ms = (times[Math.floor((rounds - 1) / 2)] + times[Math.floor(rounds / 2)]) / 2;
  return { ms, byDevice, peakBytes: peak };
}
