/** Going through the blocks of a transformer, and what that stores. */
import type { Tensor } from "../tensor/tensor.ts";
import { recompute } from "./recompute.ts";

/**
 * Gives x to the first block, its result to the second, and so on, freeing handles on the way.
 *
 * @param x taken over.
 * @param keys lengths or mask of the keys that count, see `keysSeen`; for all blocks.
 * @param checkpoint whether blocks are computed again on the way back, see `recompute`.
 */
export function runBlocks<Block>(
  blocks: readonly Block[],
  x: Tensor,
  keys: Tensor | undefined,
  forward: (block: Block, x: Tensor, keys: Tensor | undefined) => Tensor,
  checkpoint: boolean,
): Tensor {
  for (const block of blocks) {
    using before = x;
    const run = (x: Tensor, keys?: Tensor) => forward(block, x, keys);
    x = checkpoint ? recompute(run, before, keys) : run(before, keys);
  }
  return x;
}

/** Sizes of a transformer, and of what it is given. */
export interface ActivationSizes {
  batch: number;
  time: number;
  width: number;
  inner: number;
  heads: number;
  layers: number;
  checkpoint?: boolean;
}

/** Bytes that the blocks store between the forward and the backward pass, by estimate. */
export function storedBytes(sizes: ActivationSizes): number {
  const { batch, time, width, inner, heads, layers, checkpoint = false } = sizes;
  // Floats for a token: both norms' inputs and outputs, queries, keys, values and the attention's
  // result (8 · width), its log-sum-exp, the norms' statistics, and both sides of the activation.
  const block = 8 * width + heads + 4 + 2 * inner;
  const stored = checkpoint ? layers * width + block : layers * block;
  // And what goes in and comes out.
  return 4 * batch * time * (stored + 3 * width);
}
