/** Time and memory of one way to compute the loss. */
import type { Tensor } from "../tensor/tensor.ts";
import { linearCrossEntropy } from "./linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "./options.ts";

/** What {@linkcode measureLoss} found. */
export interface LossMeasurement {
  /** Median time in milliseconds. */
  ms: number;
  /** Whether that is the device's clock; otherwise it is the host's, waiting included. */
  byDevice: boolean;
  /** Most bytes held above the inputs; with `gradients` these count. */
  peakBytes: number;
}

/**
 * Measures `linearCrossEntropy(e, c, targets, options)`, alone or with its gradients.
 *
 * The first run, which compiles kernels and reserves memory, is not timed; it is the one whose memory
 * is counted. Gradients that E and C hold are forgotten.
 *
 * @param how `gradients`: also call `backward()` (default true; E and C must require gradients);
 *   `rounds`: how many runs are timed (default 3).
 */
export async function measureLoss(
  e: Tensor,
  c: Tensor,
  targets: Int32Array,
  options: LinearCrossEntropyOptions,
  { gradients = true, rounds = 3 }: { gradients?: boolean; rounds?: number } = {},
): Promise<LossMeasurement> {
  const { gpu } = e;
  const run = () => {
    e.zeroGrad();
    c.zeroGrad();
    using _ = gradients ? undefined : gpu.noGrad();
    using loss = linearCrossEntropy(e, c, targets, options);
    if (gradients) loss.backward();
  };
  e.zeroGrad();
  c.zeroGrad();
  const { peak } = gpu.memory.measure(run);
  await gpu.sync();
  const times: number[] = [];
  let byDevice = true;
  for (let round = 0; round < rounds; round++) {
    const timing = await gpu.time(run);
    times.push(timing.ms);
    byDevice &&= timing.byDevice;
  }
  e.zeroGrad();
  c.zeroGrad();
  times.sort((a, b) => a - b);
  const ms = (times[Math.floor((rounds - 1) / 2)] + times[Math.floor(rounds / 2)]) / 2;
  return { ms, byDevice, peakBytes: peak };
}
