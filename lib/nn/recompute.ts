import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * block(x), keeping only x for the way back: what the block computes on its way is freed and
 * computed again in `backward()` (Chen et al., "Training deep nets with sublinear memory cost",
 * 2016). One forward pass more, but the activations of one block at a time.
 *
 * @param block gives the same result whenever it is called with the same x; its parameters get
 * their gradients as usual.
 * @param extra something that the block also needs and that has no gradient, such as a mask.
 */
export function recompute(
  block: (x: Tensor, extra?: Tensor) => Tensor,
  x: Tensor,
  extra?: Tensor,
): Tensor {
  const { gpu } = x;
  if (!gpu.gradEnabled || !x.requiresGrad) return block(x, extra);
  const y = (() => {
    using _ = gpu.noGrad();
    return block(x, extra);
  })();
  // Handles of our own, whatever becomes of those of the caller.
  const held = [x, ...(extra ? [extra] : [])].map((tensor) => tensor.alias().keep());
  record({
    name: "recompute",
    inputs: [x],
    outputs: [y],
    backward: ([dy]) => {
      const [again, extra] = held;
      again.requiresGrad = true;
      using _ = gpu.withGrad();
      using result = block(again, extra);
      result.backward(dy);
      const { grad } = again;
      again.grad = undefined;
      return [grad];
    },
    release: () => {
      for (const tensor of held) tensor.dispose();
    },
  });
  return y;
}
