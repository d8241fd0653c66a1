import { attention as forward } from "../../kernels/attention.ts";
import { arithmetic, scale } from "../../kernels/arithmetic.ts";
import { attentionGradient } from "../../kernels/attention_gradient.ts";
import { attentionGrid } from "../../kernels/attention_problem.ts";
import { attentionStats, STATS_QUERIES } from "../../kernels/attention_stats.ts";
import { subtractScaled } from "../../kernels/diff_attention.ts";
import { elementGrid, rowGrid } from "../../kernels/grid.ts";
import { sumAllParts } from "../../kernels/sum_parts.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { checkKeys } from "../tensor/check_keys.ts";
import { formatShape, ShapeError } from "../tensor/shape.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { attention } from "./attention.ts";
import {
  type AttentionMaskOptions,
  type AttentionOptions,
  attentionProblem,
  attentionSizes,
  gradientOperations,
} from "./attention_problem.ts";
import { attentionParts, attentionTile, checkAttentionLength } from "./attention_tiles.ts";
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

/** Names of the options. */
const OPTIONS: Record<keyof DiffAttentionOptions, true> = {
  causal: true,
  keyLengths: true,
  mask: true,
  scale: true,
};

/** Storage buffers of the largest kernel of its own; browsers often give 8 or 10. */
export const FUSED_BUFFERS = 12;

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
 * @throws {TypeError} naming an option that there is not.
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
  checkKeys("diffAttention()", others, OPTIONS);
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
  const kernel = forward({ ...constants, tile: attentionTile(gpu, "forward", sizes, 2), maps: 2 });
  gpu.run(
    kernel,
    { q1, k1, q2, k2, v, ...bindings, y, lse, y2, lse2 },
    params,
    attentionGrid(timeQ, kernel.tile, heads, batch),
  );
  runElements(gpu, subtractScaled(), { y, y2, lambda }, y.size);

  const inputs = [q1, k1, q2, k2, v, lambda];
  const operands = { q1: q1.slice, k1: k1.slice, q2: q2.slice, k2: k2.slice, v: v.slice };
  const saved = { y: y.slice, y2: y2.slice, lse: lse.slice, lse2: lse2.slice };
  const factor = lambda.slice;
  record({
    name,
    inputs,
    outputs: [y],
    saved: [...inputs, y, y2, lse, lse2, ...(keys ? [keys] : [])],
    backward: ([upstream]) => {
      const dy = upstream!;
      using stats = gpu.empty([batch, heads, timeQ, 4], { label: "attention statistics" });
      const count = batch * heads * timeQ;
      using sums = gpu.empty([Math.ceil(count / STATS_QUERIES)], { label: "attention statistics" });
      gpu.run(
        attentionStats({ maps: 2, vector, widthV }),
        { ...saved, dy, lambda: factor, sums, stats },
        { count, heads, time: timeQ },
        rowGrid(sums.size),
      );
      const gradient = (of: Tensor) => gpu.empty(of.shape, { label: "gradient" });
      const pair = (a: Tensor, b: Tensor) =>
        a.requiresGrad || b.requiresGrad ? [gradient(a), gradient(b)] : [];
      const [dq1, dq2] = pair(q1, q2);
      const [dk1, dk2, dv] = [k1, k2, v].some(({ requiresGrad }) => requiresGrad)
        ? [k1, k2, v].map(gradient)
        : [];
      const results = { queries: { dq1, dq2 }, "keys and values": { dk1, dk2, dv } };
      let dlambda: Tensor | undefined;
      /** Gradients and their parts, which are added in the end; and how many parts. */
      const shared: Record<string, Tensor> = {}, counts: Record<string, number> = {};
      gpu.concurrently(gradientOperations(sizes, 2), () => {
        if (lambda.requiresGrad) {
          using sum = total(sums, -1, "gradient");
          dlambda = reshape(sum, lambda.shape);
        }
        for (const pass of ["queries", "keys and values"] as const) {
          const into = Object.entries(results[pass]).flatMap(([name, y]) => y ? [{ name, y }] : []);
          if (into.length === 0) continue;
          const parts = attentionParts(gpu, pass, sizes);
          const outputs: Record<string, Tensor> = {};
          for (const { name, y } of into) {
            outputs[name] = y;
            if (parts === 1) continue;
            const label = "parts of a gradient", others = `parts_of_${name}`;
            shared[name] = y;
            shared[others] = outputs[others] = gpu.empty([parts - 1, y.size], { label });
            counts[name] = parts - 1;
          }
          const tile = attentionTile(gpu, pass, sizes, 2);
          const ways = { of: pass, maps: 2 as const, parts };
          const kernel = attentionGradient({ ...constants, tile, ...ways });
          gpu.run(
            kernel,
            { ...operands, ...bindings, dy, stats, lambda: factor, ...outputs },
            params,
            attentionGrid(pass === "queries" ? timeQ : timeK, kernel.tile, heads, batch),
          );
        }
      });
      addShared(gpu, shared, counts, vector);
      return [dq1, dk1, dq2, dk2, dv, dlambda];
    },
  });
  keys?.dispose();
  return y;
}

/** Adds the parts of gradients to the gradients, and disposes of them. */
function addShared(
  gpu: Gpu,
  shared: Record<string, Tensor>,
  counts: Record<string, number>,
  vector: boolean,
): void {
  const names = Object.keys(counts);
  if (names.length === 0) return;
  const elements = names.map((name) => shared[name].size / (vector ? 4 : 1));
  gpu.run(
    sumAllParts({ counts, vector }),
    shared,
    Object.fromEntries(names.map((name, i) => [`count_of_${name}`, elements[i]])),
    elementGrid(Math.max(...elements), 256),
  );
  for (const name of names) shared[`parts_of_${name}`].dispose();
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
