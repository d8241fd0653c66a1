/** Every kernel that operations, losses, models and the optimiser ask for, without running one. */
import type { Kernel } from "../../kernels/kernel.ts";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "../../lib/losses/options.ts";
import { DiffTransformer } from "../../lib/nn/diff_transformer.ts";
import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { ATTENTION_PARTS } from "../../lib/ops/attention_tiles.ts";
import * as ops from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { IN_PAIRS } from "../../lib/tensor/product_pair.ts";
import { TRANSPOSED_FIRST } from "../../lib/tensor/product_plan.ts";
import type { Shape } from "../../lib/tensor/shape.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { AdamW } from "../../lib/train/adamw.ts";

/** What is recorded with the tiles of the software adapter, or of GPUs. */
export async function allKernels({ software }: { software: boolean }): Promise<Kernel[]> {
  using gpu = await Gpu.open({ autotune: false });
  (gpu.adapter as { software: boolean }).software = software;
  const found = new Set<Kernel>();
  gpu.run = (kernel) => void found.add(kernel);
  using _ = gpu.scope();
  operations(gpu);
  losses(gpu);
  blocks(gpu);
  models(gpu);
  return [...found];
}

/** Runs an operation on inputs of these shapes, and the way back. */
function both(gpu: Gpu, shapes: readonly Shape[], op: (inputs: Tensor[]) => Tensor): void {
  const y = op(shapes.map((shape) => gpu.zeros(shape, { requiresGrad: true })));
  y.backward(gpu.zeros(y.shape));
}

function operations(gpu: Gpu): void {
  const ints = (...values: number[]) => gpu.tensor(Int32Array.from(values));
  for (const width of [8, 5]) {
    const rows = [3, width];
    for (const f of [ops.silu, ops.tanh, ops.relu, (x: Tensor) => ops.gelu(x)]) {
      both(gpu, [rows], ([x]) => f(x));
    }
    both(gpu, [rows], ([x]) => ops.gelu(x, { approximate: "tanh" }));
    both(gpu, [rows, rows], ([a, b]) => ops.swiglu(a, b));
    both(gpu, [rows, [width]], ([a, b]) => ops.add(a, b));
    both(gpu, [rows, [width]], ([a, b]) => ops.mul(a, b));
    both(gpu, [rows], ([x]) => ops.scale(x, 2));
    both(gpu, [rows], ([x]) => ops.mean(x));
    both(gpu, [rows], ([x]) => ops.dropout(x, 0.5, { seed: 1 }));
    both(gpu, [rows, [width], [width]], ([x, w, b]) => ops.layerNorm(x, w, b));
    both(gpu, [rows, [width]], ([x, w]) => ops.rmsNorm(x, w));
    both(gpu, [rows], ([table]) => ops.embedding(ints(0, 2, 2), table));
    both(gpu, [rows], ([x]) => ops.crossEntropy(x, ints(0, 2, 1)));
    both(gpu, [rows], ([x]) => ops.crossEntropy(x, ints(0, 2, 1), { reduction: "none" }));
    both(gpu, [[1, 3, width]], ([x]) => ops.selectToken(x, -1));
    const mask = gpu.tensor(Int32Array.of(1, 0, 1), [1, 3]);
    both(gpu, [[1, 3, width]], ([x]) => ops.maskedMean(x, mask));
    for (const activation of [undefined, "gelu", "gelu_tanh", "relu", "tanh"] as const) {
      const sizes = [rows, [7, width], [7], [3, 7]];
      both(gpu, sizes, ([x, w, b]) => ops.linear(x, w, b, { activation }));
      using _ = gpu.noGrad();
      const [x, w, b, residual] = sizes.map((shape) => gpu.zeros(shape));
      ops.linear(x, w, b, { activation, residual });
    }
    both(
      gpu,
      [rows, [width, 7]],
      ([x, w]) => ops.linear(x, w, undefined, { weightLayout: "in,out" }),
    );
    for (const [transposeA, transposeB] of [[false, false], [false, true], [true, true]]) {
      const [a, b] = [transposeA ? [width, 3] : rows, transposeB ? [7, width] : [width, 7]];
      both(gpu, [a, b], ([a, b]) => ops.matmul(a, b, { transposeA, transposeB }));
    }
    attentions(gpu, width);
  }
  for (const interleaved of [true, false]) {
    both(gpu, [[1, 3, 2, 6]], ([x]) => ops.rotary(x, { interleaved }));
    both(gpu, [[1, 3, 2, 6]], ([x]) => ops.rotary(x, { interleaved, positions: ints(2, 0, 1) }));
  }
  both(gpu, [[4, 3]], ([vectors]) => ops.diffLambda(vectors, 0.8));
  both(gpu, [[8, 2048], [2048, 8]], ([a, b]) => ops.matmul(a, b)); // in parts of K
  const large = [[2048, 256], [256, 2048]]; // with large tiles
  both(gpu, large, ([a, b]) => ops.matmul(a, b));
  gpu.tuning.using(TRANSPOSED_FIRST, true, () => both(gpu, large, ([a, b]) => ops.matmul(a, b)));
}

function attentions(gpu: Gpu, width: number): void {
  const shape = [1, 9, 2, width], wide = [1, 9, 2, 2 * width];
  const keyMask = gpu.tensor(new Int32Array(9).fill(1), [1, 9]);
  for (const causal of [true, false]) {
    for (const way of [{}, { keyLengths: [5] }, { keyMask }, { dropout: { p: 0.5, seed: 1 } }]) {
      both(gpu, [shape, shape, shape], ([q, k, v]) => ops.attention(q, k, v, { causal, ...way }));
    }
    both(gpu, [[1, 9, 6 * width]], ([qkv]) => ops.attentionPacked(qkv, { heads: 2, causal }));
    const differential = () =>
      both(
        gpu,
        [shape, shape, shape, shape, wide, [1]],
        ([q1, k1, q2, k2, v, lambda]) => ops.diffAttention(q1, k1, q2, k2, v, lambda, { causal }),
      );
    differential();
    gpu.tuning.using(ATTENTION_PARTS, 3, differential);
  }
}

function losses(gpu: Gpu): void {
  const ways: readonly LinearCrossEntropyOptions[] = [
    { impl: "naive" },
    { impl: "chunked" },
    { impl: "cut" },
    { impl: "cut", filterEps: 2 ** -12 },
  ];
  const targets = Int32Array.of(1, 2, 3, -100, 1);
  const others = { labelSmoothing: 0.1, zLoss: 0.1, reduction: "none" } as const;
  for (const d of [8, 5]) {
    for (const way of ways) {
      const sizes = [[5, d], [9, d], [9]];
      both(gpu, sizes, ([e, c]) => linearCrossEntropy(e, c, targets, way));
      both(
        gpu,
        sizes,
        ([e, c, bias]) => linearCrossEntropy(e, c, targets, { ...way, bias, softcap: 5 }),
      );
      if (way.filterEps) continue;
      both(gpu, sizes, ([e, c]) => linearCrossEntropy(e, c, targets, { ...way, ...others }));
    }
    for (const way of gpu.features.has("shader-f16") ? ways : []) {
      const [e, c] = [[5, d], [9, d]].map((shape) =>
        gpu.tensor(new Float16Array(shape[0] * d), shape, { requiresGrad: true })
      );
      linearCrossEntropy(e, c, targets, way).backward();
    }
  }
}

/** The chunked way where a block's gradient of E comes in parts, which the next one's rows are beside. */
function blocks(gpu: Gpu): void {
  const [n, v, d] = [300, 1100, 32], weight = new Float32Array(v).fill(1);
  const options = { impl: "chunked", scratchBytes: 2 ** 20 } as const;
  for (const more of [{}, { weight }]) {
    const run = () =>
      both(
        gpu,
        [[n, d], [v, d], [v]],
        ([e, c, bias]) =>
          linearCrossEntropy(e, c, new Int32Array(n), { ...options, ...more, bias }),
      );
    gpu.tuning.using(TRANSPOSED_FIRST, true, run);
    gpu.tuning.using(IN_PAIRS, true, run);
  }
}

function models(gpu: Gpu): void {
  const sizes = { vocabulary: 13, width: 8, layers: 1, heads: 2 };
  const ids = [[3, 1, 4, 1, 5, 9, 2, 6]];
  using gpt2 = new Gpt2(gpu, { ...sizes, positions: 9 });
  using optimizer = new AdamW(gpt2.weights, { maxGradNorm: 1 });
  for (const training of [{ seed: 1, step: 0 }, undefined]) {
    gpt2.loss({ ids }, { training, checkpoint: true }).backward();
  }
  optimizer.step();
  using cache = gpt2.cache({ batch: 1, capacity: 9 });
  gpt2.next(ids, cache);
  gpt2.next([[7]], cache);
  using diff = new DiffTransformer(gpu, { ...sizes, inner: 8 });
  diff.loss({ ids }).backward();
}
