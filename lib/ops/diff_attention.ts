import { attention as forward } from "../../kernels/attention.ts";
import { arithmetic, scale } from "../../kernels/arithmetic.ts";
import {
  attentionGradient,
  type AttentionGradientConstants,
} from "../../kernels/attention_gradient.ts";
import { attentionGrid } from "../../kernels/attention_problem.ts";
import { attentionStats } from "../../kernels/attention_stats.ts";
import { subtractScaled } from "../../kernels/diff_attention.ts";
import { elementGrid } from "../../kernels/grid.ts";
import { formatShape, ShapeError } from "../tensor/shape.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { attention } from "./attention.ts";
import {
  type AttentionMaskOptions,
  type AttentionOptions,
  attentionProblem,
  attentionSizes,
} from "./attention_problem.ts";
import { attentionTile, checkAttentionLength } from "./attention_tiles.ts";
import { checkF32, checkShapeIs } from "./check.ts";
import { runElements } from "./elementwise.ts";
import { reshape } from "./reshape.ts";
import { total } from "./sum.ts";

/** How differential attention attends. */
export interface DiffAttentionOptions extends Omit<AttentionMaskOptions, "keyMask"> {
  /** i32 [B, Tk]: keys whose flag is 0 do not count. */
  mask?: Tensor;
  /** What scores are multiplied by (default 1/√d). */
  scale?: number;
}

/** Storage buffers of the largest kernel of its own; browsers often give 8 or 10. */
export const FUSED_BUFFERS = 11;

/**
 * (softmax(q1·k1ᵀ/√d) − λ·softmax(q2·k2ᵀ/√d)) · v for every head, without a T × T matrix (Ye et al.,
 * "Differential Transformer", 2024, equation 1). Gradients flow to all six tensors.
 *
 * ```ts
 * import { Gpu } from "cutloss";
 * import { diffAttention } from "cutloss/ops/mod.ts";
 *
 * using gpu = await Gpu.open();
 * using x = gpu.full([1, 6, 2, 4], 0.1);
 * using v = gpu.full([1, 6, 2, 8], 1);
 * using lambda = gpu.tensor([0.8]);
 * using y = diffAttention(x, x, x, x, v, lambda, { causal: true });
 * console.log((await y.read())[0]); // 1 − λ, since all values are 1
 * ```
 *
 * @param q1,q2 [B, Tq, H, d].
 * @param k1,k2 [B, Tk, H, d].
 * @param v [B, Tk, H, dv], in the paper dv = 2d.
 * @param lambda one number, of any shape.
 * @returns [B, Tq, H, dv]; 0 for a query that sees no key.
 * @throws {ShapeError} if shapes do not fit each other, or causal attention has more queries than keys.
 * @throws {RangeError} if scale or a length is out of its range.
 */
export function diffAttention(
  q1: Tensor,
  k1: Tensor,
  q2: Tensor,
  k2: Tensor,
  v: Tensor,
  lambda: Tensor,
  { mask, ...others }: DiffAttentionOptions = {},
): Tensor {
  const name = "diffAttention";
  checkF32(name, { q1, k1, q2, k2, v, lambda });
  const sizes = attentionSizes(name, q1, k1, v, "1");
  checkShapeIs(name, "q2", q2, q1.shape, "like q1");
  checkShapeIs(name, "k2", k2, k1.shape, "like k1");
  if (lambda.size !== 1) {
    throw new ShapeError(
      `diffAttention(): lambda has the shape ${formatShape(lambda.shape)}; expected one number.`,
    );
  }
  const { gpu } = q1;
  const gradients = [q1, k1, q2, k2, v, lambda].some(({ requiresGrad }) => requiresGrad);
  checkAttentionLength(name, gpu, sizes, 2, gradients);
  const options = { ...others, keyMask: mask };
  const problem = attentionProblem(name, gpu, sizes, false, options, "mask");
  if (gpu.limits.maxStorageBuffersPerShaderStage < FUSED_BUFFERS) {
    problem.keys?.dispose();
    return composed(q1, k1, q2, k2, v, lambda, options);
  }
  const { constants, params, keys, bindings } = problem;
  const { batch, heads, timeQ, timeK, widthV } = sizes;
  const { vector } = constants;
  const shape = [batch, timeQ, heads, widthV];

  const y = gpu.empty(shape, { label: name });
  using y2 = gpu.empty(shape, { label: `${name}, second map` });
  using lse = gpu.empty([batch, heads, timeQ], { label: "log-sum-exp" });
  using lse2 = gpu.empty([batch, heads, timeQ], { label: "log-sum-exp" });
  const kernel = forward({ ...constants, tile: attentionTile(gpu, "forward", sizes) });
  const grid = attentionGrid(timeQ, kernel.tile.rows, heads, batch);
  gpu.run(kernel, { q: q1, k: k1, v, ...bindings, y, lse }, params, grid);
  gpu.run(kernel, { q: q2, k: k2, v, ...bindings, y: y2, lse: lse2 }, params, grid);
  runElements(gpu, subtractScaled(), { y, y2, lambda }, y.size);

  const inputs = [q1, k1, q2, k2, v, lambda];
  const operands = { q1: q1.slice, k1: k1.slice, q2: q2.slice, k2: k2.slice, v: v.slice };
  const results = { y: y.slice, y2: y2.slice, lse: lse.slice, lse2: lse2.slice };
  const factor = lambda.slice;
  record({
    name,
    inputs,
    outputs: [y],
    saved: [...inputs, y, y2, lse, lse2, ...(keys ? [keys] : [])],
    backward: ([upstream]) => {
      const dy = upstream!;
      using stats = gpu.empty([batch, heads, timeQ, 4], { label: "attention statistics" });
      using d2 = gpu.empty([batch, heads, timeQ], { label: "attention statistics" });
      const count = batch * heads * timeQ;
      gpu.run(
        attentionStats({ maps: 2, vector, widthV }),
        { ...results, dy, lambda: factor, d2, stats },
        { count, heads, time: timeQ },
        elementGrid(count, 64),
      );
      const gradient = (of: Tensor) => gpu.empty(of.shape, { label: "gradient" });
      const run = (of: AttentionGradientConstants["of"], into: Record<string, Tensor>) => {
        const tile = attentionTile(gpu, of, sizes, 2);
        const kernel = attentionGradient({ ...constants, tile, of, maps: 2 });
        gpu.run(
          kernel,
          { ...operands, ...bindings, dy, stats, lambda: factor, ...into },
          params,
          attentionGrid(of === "queries" ? timeQ : timeK, kernel.tile.rows, heads, batch),
        );
        return into;
      };
      const { dq1, dq2 } = q1.requiresGrad || q2.requiresGrad
        ? run("queries", { dq1: gradient(q1), dq2: gradient(q2) })
        : {};
      const { dk1, dk2 } = k1.requiresGrad || k2.requiresGrad
        ? run("keys", { dk1: gradient(k1), dk2: gradient(k2) })
        : {};
      const { dv } = v.requiresGrad ? run("values", { dv: gradient(v) }) : {};
      let dlambda: Tensor | undefined;
      if (lambda.requiresGrad) {
        using sum = total(d2, -1, "gradient");
        dlambda = reshape(sum, lambda.shape);
      }
      return [dq1, dk1, dq2, dk2, dv, dlambda];
    },
  });
  keys?.dispose();
  return y;
}

/** The same from two ordinary attentions, for adapters whose kernels may have few buffers. */
function composed(
  q1: Tensor,
  k1: Tensor,
  q2: Tensor,
  k2: Tensor,
  v: Tensor,
  lambda: Tensor,
  options: AttentionOptions,
): Tensor {
  const { gpu } = q1;
  using first = attention(q1, k1, v, options);
  using second = attention(q2, k2, v, options);
  const { shape, size } = first;
  const y = gpu.empty(shape, { label: "diffAttention" });
  runElements(gpu, scale(), { x: first, y }, size, { factor: 1 });
  runElements(gpu, subtractScaled(), { y, y2: second, lambda }, size);
  const saved = { y2: second.slice, lambda: lambda.slice };
  record({
    name: "diffAttention",
    inputs: [first, second, lambda],
    outputs: [y],
    saved: [second, lambda],
    backward: ([upstream]) => {
      const dy = upstream!;
      const d2 = gpu.zeros(shape, { label: "gradient" });
      runElements(gpu, subtractScaled(), { y: d2, y2: dy, lambda: saved.lambda }, size);
      if (!lambda.requiresGrad) return [dy.alias(), d2];
      using products = gpu.empty(shape, { label: "gradient" });
      const period = 4 * Math.ceil(size / 4);
      const operands = { a: dy, b: saved.y2, y: products };
      runElements(gpu, arithmetic({ operation: "*", vector: true }), operands, size, {
        period,
        factor: 1,
      });
      using sum = total(products, -1, "gradient");
      return [dy.alias(), d2, reshape(sum, lambda.shape)];
    },
  });
  return y;
}
