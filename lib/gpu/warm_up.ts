/** What is done before something is measured. */
import type { GpuDevice } from "./device.ts";

/** Batches of runs in a row that are not faster than those before, after which the clock is up. */
const STEADY = 3;

/** By how much a batch must be faster to say that the clock still rises. */
const FASTER = 0.03;

/** How many times the usual time is spent at most, where times do not settle. */
const MOST = 8;

/** Milliseconds of a first run, in which kernels are compiled and the device idles, that count at most. */
const LONGEST_IDLE = 1000;

/**
 * Keeps the device busy until its clock is up: a GPU that has idled runs at a fraction of its rate (an
 * NVIDIA H200 at 345 of 1980 MHz) and takes some tenths of a second of work to leave that, now and then
 * more. So it goes on for at least `ms`, for as long as the first run took, in which kernels are compiled,
 * and until runs become no faster.
 *
 * @param run records the work that is going to be measured, so it is compiled as well.
 */
export async function warmUp(
  gpu: Pick<GpuDevice, "adapter" | "sync">,
  run: () => void,
  ms = 300,
): Promise<void> {
  const spentOn = async (runs: number) => {
    const start = performance.now();
    for (let i = 0; i < runs; i++) run();
    await gpu.sync();
    return performance.now() - start;
  };
  const idle = await spentOn(1);
  if (gpu.adapter.software) return;
  const enough = Math.max(ms, Math.min(idle, LONGEST_IDLE));
  let repeat = 1, steady = 0, least = Infinity;
  for (let busy = 0; busy < enough || (steady < STEADY && busy < MOST * enough);) {
    const spent = await spentOn(repeat), each = spent / repeat;
    steady = each < (1 - FASTER) * least ? 0 : steady + 1;
    least = Math.min(least, each);
    busy += spent;
    if (spent < 50) repeat = Math.min(2 * repeat, 256);
  }
}
