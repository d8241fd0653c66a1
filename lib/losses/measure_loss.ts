/** Time and memory of one way to compute the loss. */
import { measureRun, type RunMeasurement } from "../tensor/measure_run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { linearCrossEntropy } from "./linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "./options.ts";

/**
 * Measures `linearCrossEntropy(e, c, targets, options)`, alone or with its gradients, as `measureRun`
 * does; with `gradients` these count as memory. Gradients that E and C hold are forgotten.
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
): Promise<RunMeasurement> {
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
  const measured = await measureRun(gpu, run, rounds);
  e.zeroGrad();
  c.zeroGrad();
  return measured;
}
