/** What is done before something is measured. */
import type { GpuDevice } from "./device.ts";

/**
 * Keeps the device busy until its clock is up: a GPU that has idled runs at a fraction of its rate (an
 * NVIDIA H200 at 345 of 1980 MHz) and takes some tenths of a second of work to leave that.
 *
 * @param run records the work that is going to be measured, so it is compiled as well.
 */
export async function warmUp(gpu: GpuDevice, run: () => void, ms = 300): Promise<void> {
  run();
  await gpu.sync();
  if (gpu.adapter.software) return;
  let repeat = 1;
  for (let busy = 0; busy < ms;) {
    const start = performance.now();
    for (let i = 0; i < repeat; i++) run();
    await gpu.sync();
    const spent = performance.now() - start;
    busy += spent;
    if (spent < 50) repeat = Math.min(2 * repeat, 256);
  }
}
