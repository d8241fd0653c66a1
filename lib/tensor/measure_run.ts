/** Time and memory of work on a device. */
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
 * Measures what `run` records. The first run, which compiles kernels and reserves memory, is not
 * timed; it is the one whose memory is counted.
 *
 * @param rounds how many runs are timed
 */
export async function measureRun(gpu: Gpu, run: () => void, rounds = 3): Promise<RunMeasurement> {
  const { peak } = gpu.memory.measure(run);
  await gpu.sync();
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
