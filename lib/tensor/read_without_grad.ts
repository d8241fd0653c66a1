/** Results that are only looked at. */
import type { Gpu } from "./gpu.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The elements of the tensors that `make` holds, with one wait for all; then they are freed, also if
 * something fails. `make` runs under `noGrad()`, which ends before the wait: others may be training
 * meanwhile.
 *
 * @param make computes without waiting; `hold` takes a tensor over and gives its place in the result.
 */
export async function readWithoutGrad(
  gpu: Gpu,
  make: (hold: (tensor: Tensor) => number) => void,
): Promise<Float32Array<ArrayBuffer>[]> {
  const held: Tensor[] = [];
  try {
    {
      using _ = gpu.noGrad();
      make((tensor) => held.push(tensor) - 1);
    }
    return await gpu.read(held);
  } finally {
    for (const tensor of held) tensor.dispose();
  }
}
