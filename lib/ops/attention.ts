/** Softmax attention, from three tensors or from one packed projection. */
import { attention as forward } from "../../kernels/attention.ts";
import {
  attentionGradient,
  type AttentionGradientConstants,
} from "../../kernels/attention_gradient.ts";
import { attentionGrid } from "../../kernels/attention_problem.ts";
import { attentionStats, STATS_QUERIES } from "../../kernels/attention_stats.ts";
import { rowGrid } from "../../kernels/grid.ts";
import type { Bindable } from "../gpu/device.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { checkKeys } from "../tensor/check_keys.ts";
import { formatShape, type Shape, ShapeError } from "../tensor/shape.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  ATTENTION_OPTIONS,
  type AttentionOptions,
  type AttentionProblem,
  attentionProblem,
  attentionSizes,
  gradientOperations,
} from "./attention_problem.ts";
import { attentionTile, checkAttentionLength } from "./attention_tiles.ts";
import { checkF32, checkRank } from "./check.ts";

export type { AttentionMaskOptions, AttentionOptions } from "./attention_problem.ts";

/** Names of the options of packed attention. */
const PACKED_OPTIONS = { heads: true, ...ATTENTION_OPTIONS } as const;

/**
 * softmax(scale · q·kᵀ + mask) · v for every head, without a T × T matrix (Dao, "FlashAttention-2",
 * 2023); semantics of PyTorch's `scaled_dot_product_attention`, except that a query that sees no key
 * gives 0.
 *
 * ```ts
 * import { Gpu } from "cutloss";
 * import { attention } from "cutloss/ops/mod.ts";
 *
 * using gpu = await Gpu.open();
 * using q = gpu.full([2, 5, 4, 8], 0.1);
 * using y = attention(q, q, q, { causal: true, keyLengths: [5, 3] });
 * console.log(y.shape); // [2, 5, 4, 8]
 * ```
 *
 * @param q [B, Tq, H, d].
 * @param k [B, Tk, H, d].
 * @param v [B, Tk, H, dv].
 * @returns [B, Tq, H, dv].
 * @throws {TypeError} naming an option that there is not.
 * @throws {ShapeError} if shapes do not fit each other, or causal attention has more queries than keys.
 * @throws {RangeError} if scale, a length or a probability of dropping is out of its range.
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Tensor {
  checkKeys("attention()", options, ATTENTION_OPTIONS);
  checkF32("attention", { q, k, v });
  const sizes = attentionSizes("attention", q, k, v);
  const { gpu } = q;
  const gradients = q.requiresGrad || k.requiresGrad || v.requiresGrad;
  checkAttentionLength("attention", gpu, sizes, 1, gradients);
  const problem = attentionProblem("attention", gpu, sizes, false, options);
  const { batch, timeQ, heads, widthV } = sizes;
  return attend(gpu, problem, { q, k, v }, [batch, timeQ, heads, widthV], (upstream) => {
    const gradient = (of: Tensor) => gpu.empty(of.shape, { label: "gradient" });
    const dq = q.requiresGrad ? gradient(q) : undefined;
    const [dk, dv] = k.requiresGrad || v.requiresGrad ? [gradient(k), gradient(v)] : [];
    if (dq) upstream("queries", { dq });
    if (dk && dv) upstream("keys and values", { dk, dv });
    return [dq, dk, dv];
  });
}

/**
 * Attention on a packed projection, read in place: q, k and v lie side by side in every row, as
 * GPT-2's `c_attn` gives them.
 *
 * @param qkv [B, T, 3·D], D = heads · d.
 * @returns [B, T, D].
 * @throws {ShapeError} if qkv is no such tensor; else as {@linkcode attention}.
 */
export function attentionPacked(
  qkv: Tensor,
  { heads, ...options }: AttentionOptions & { heads: number },
): Tensor {
  checkKeys("attentionPacked()", options, PACKED_OPTIONS);
  checkF32("attentionPacked", { qkv });
  checkRank("attentionPacked", "qkv", qkv, "[B, T, 3·D]");
  const { gpu } = qkv;
  if (!(Number.isInteger(heads) && heads >= 1)) {
    throw new RangeError(
      `attentionPacked(): heads is ${heads}; expected a whole number, at least 1.`,
    );
  }
  const [batch, time, columns] = qkv.shape;
  const width = columns / 3 / heads;
  if (!Number.isInteger(width) || qkv.size === 0) {
    throw new ShapeError(
      `attentionPacked(): qkv has the shape ${
        formatShape(qkv.shape)
      }; expected [B, T, 3·heads·d] ` +
        `with heads = ${heads}.`,
    );
  }
  const sizes = { batch, heads, timeQ: time, timeK: time, widthQk: width, widthV: width };
  checkAttentionLength("attentionPacked", gpu, sizes, 1, qkv.requiresGrad);
  const problem = attentionProblem("attentionPacked", gpu, sizes, true, options);
  return attend(gpu, problem, { qkv }, [batch, time, heads * width], (upstream) => {
    const dqkv = gpu.empty(qkv.shape, { label: "gradient" });
    upstream("queries", { dqkv });
    upstream("keys and values", { dqkv });
    return [dqkv];
  });
}

/** Runs the forward kernel and records the way back, which `gradients` asks for by side. */
function attend(
  gpu: Gpu,
  { sizes, constants, params, keys, bindings }: AttentionProblem,
  inputs: Record<string, Tensor>,
  shape: Shape,
  gradients: (
    run: (of: AttentionGradientConstants["of"], into: Record<string, Bindable>) => void,
  ) => readonly (Tensor | undefined)[],
): Tensor {
  const { batch, heads, timeQ, timeK, widthV } = sizes;
  const { vector } = constants;
  const y = gpu.empty(shape, { label: "attention" });
  using lse = gpu.empty([batch, heads, timeQ], { label: "log-sum-exp" });
  const kernel = forward({ ...constants, tile: attentionTile(gpu, "forward", sizes) });
  gpu.run(
    kernel,
    { ...inputs, ...bindings, y, lse },
    params,
    attentionGrid(timeQ, kernel.tile, heads, batch),
  );
  const slices = Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, x.slice]));
  const saved = { y: y.slice, lse: lse.slice };
  const tensors = Object.values(inputs);
  record({
    name: "attention",
    inputs: tensors,
    outputs: [y],
    saved: [...tensors, y, lse, ...(keys ? [keys] : [])],
    backward: ([upstream]) => {
      const dy = upstream!;
      using stats = gpu.empty([batch, heads, timeQ, 2], { label: "attention statistics" });
      const count = batch * heads * timeQ;
      gpu.run(
        attentionStats({ maps: 1, vector, widthV }),
        { ...saved, dy, stats },
        { count, heads, time: timeQ },
        rowGrid(Math.ceil(count / STATS_QUERIES)),
      );
      const run = (of: AttentionGradientConstants["of"], into: Record<string, Bindable>) => {
        const tile = attentionTile(gpu, of, sizes);
        const kernel = attentionGradient({ ...constants, tile, of, maps: 1 });
        gpu.run(
          kernel,
          { ...slices, ...bindings, dy, stats, ...into },
          params,
          attentionGrid(of === "queries" ? timeQ : timeK, kernel.tile, heads, batch),
        );
      };
      // Gradients of a packed projection are one buffer, which kernels write one after the other.
      const together = constants.packed ? 0 : gradientOperations(sizes, 1);
      return gpu.concurrently(together, () => gradients(run));
    },
  });
  keys?.dispose();
  return y;
}
