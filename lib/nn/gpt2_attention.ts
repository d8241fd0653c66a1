import { readWithoutGrad } from "../tensor/read_without_grad.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LayerAttention } from "./attention_maps.ts";
import type { Gpt2, Gpt2Batch } from "./gpt2.ts";
import { hostRows } from "./inputs.ts";

/**
 * Runs a batch through a GPT-2 and reads queries, keys and values of all its layers, with one wait:
 * `attentionRow` of attention_maps.ts computes from them which tokens a token looked at.
 *
 * ```ts
 * import { Gpt2, Gpu } from "cutloss";
 * import { attentionRow, traceGpt2 } from "cutloss/nn/mod.ts";
 *
 * using gpu = await Gpu.open();
 * using model = new Gpt2(gpu, { vocabulary: 50, positions: 8, width: 8, layers: 1, heads: 2 });
 * const [layer] = await traceGpt2(model, { ids: [[3, 1, 4, 1, 5]] });
 * console.log(attentionRow(layer, { head: 0, query: 4 }).weights); // five numbers with sum 1
 * ```
 *
 * @returns a layer each, the lowest first.
 */
export async function traceGpt2(model: Gpt2, batch: Gpt2Batch): Promise<LayerAttention[]> {
  const { gpu, config: { heads } } = model;
  let shape: readonly number[] = [];
  const read = await readWithoutGrad(gpu, (hold) => {
    const look = (qkv: Tensor, attended: Tensor) => {
      hold(qkv.alias());
      hold(attended.alias());
      shape = qkv.shape;
    };
    model.hidden(batch, { look }).dispose();
  });
  const [size, time, triple] = shape, width = triple / 3;
  const mask = batch.mask && hostRows("mask", batch.mask).data;
  return Array.from({ length: read.length / 2 }, (_, i) => {
    const part = (which: number) => partOf(read[2 * i], width, which);
    return {
      ...{ layer: i + 1, batch: size, time, heads, causal: true, lambda: undefined },
      ...{ widthQk: width / heads, widthV: width / heads },
      ...(mask ? { mask } : {}),
      maps: [{ q: part(0), k: part(1) }],
      v: part(2),
      attended: read[2 * i + 1],
    };
  });
}

/** One of three tensors that lie side by side in their last dimension. */
function partOf(packed: Float32Array, width: number, which: number): Float32Array {
  const rows = packed.length / (3 * width), part = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const from = (3 * row + which) * width;
    part.set(packed.subarray(from, from + width), row * width);
  }
  return part;
}
