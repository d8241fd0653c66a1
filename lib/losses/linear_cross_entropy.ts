/** The cross-entropy of a language model's last layer, fused with that layer. */
import { gatherRows } from "../../kernels/gather_rows.ts";
import { elementGrid } from "../../kernels/grid.ts";
import { lossCoefficients } from "../../kernels/loss_coefficients.ts";
import { sum } from "../../kernels/sum.ts";
import { scaleBy, scaleByGrid } from "../../kernels/scale_by.ts";
import type { DeviceBuffer } from "../gpu/pool.ts";
import { isOne } from "../tensor/gradient_place.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Gradients, RowBlock, Wanted } from "./blocks.ts";
import { cutForward } from "./cut.ts";
import { canUseExponentials, exponentialForward } from "./exponentials.ts";
import type {
  AnyOptions,
  LinearCrossEntropyOptions,
  WithAccuracy,
  WithLse,
  WithLseAndAccuracy,
} from "./options.ts";
import { Problem } from "./problem.ts";
import {
  chunkedForward,
  eagerForward,
  type EagerResult,
  type ForwardResult,
  naiveForward,
} from "./stored.ts";

/** Loss and log-sum-exp, for `returnLse: true`. */
export interface LossAndLse {
  /** Scalar, or one value a token. */
  loss: Tensor;
  /** One value a token; 0 where the target is ignored. */
  lse: Tensor;
}

/** Loss and accuracy, for `returnAccuracy: true`. */
export interface LossAndAccuracy {
  /** Scalar, or one value a token. */
  loss: Tensor;
  /** Scalar, or one value a token; 0 where the target is ignored. */
  accuracy: Tensor;
}

/**
 * Cross-entropy of softmax(softcap(E · Cᵀ + bias)) against targets, in nats, without having to
 * store the N × V logits: loss = log Σ_v exp z[v] − z[target].
 *
 * Follows Wijmans et al. 2024, "Cut Your Losses in Large-Vocabulary Language Models"
 * (arXiv 2411.09009, equations 3 and 4) and the semantics of PyTorch's `cross_entropy` and Apple's
 * `linear_cross_entropy`; see kernels/cut_forward.ts and kernels/cut_gradient.ts for how.
 *
 * The result is a scalar, or with `reduction: "none"` one loss a token: of E's shape without D, the
 * last dimension shorter by `shift`, and 0 where the target is ignored. If every target is ignored,
 * the loss is 0 and all gradients are zero. The same call gives the same bits every time.
 *
 * What is not finite shows: a token one of whose logits is NaN or infinite has the loss Infinity and a
 * gradient of NaN, and all of C's gradient is NaN then. A bias of −Infinity is the exception: it takes its
 * entry out, and a token whose target that is has the loss Infinity and an ordinary gradient.
 *
 * Half mode: if E and C are f16 (both), logits are made of f16 products. 32 of them (16 on an adapter with
 * little workgroup memory), of even or of odd places in D, are added up in f16 and then to a total in f32;
 * exponentials, sums, loss and gradients are f32, and so are the gradients' tensors. Such a chain may add
 * up to ±65504; beyond that the logit counts as infinite. Each addition rounds to 2⁻¹¹ of what is there, so
 * a logit is good to about 1e-3 of the chains' sums that it is made of. The gradients' products read E and C as f16 and multiply
 * in f32.
 *
 * @param e f32 or f16 [..., D]: the embeddings, for instance [B, T, D].
 * @param c f32 or f16 [V, D]: the classifier, one row a vocabulary entry.
 * @param targets i32 of E's shape without D, written from the host.
 * @throws {TypeError | RangeError} a sentence, if shapes, types, targets or options are wrong.
 *
 * @example
 * ```ts
 * import { Gpu, linearCrossEntropy } from "cutloss";
 * using gpu = await Gpu.open();
 * const e = gpu.tensor([1, 0, 0, 1], [2, 2], { requiresGrad: true });
 * const c = gpu.tensor([2, 0, 0, 2, 1, 1], [3, 2]);
 * const loss = linearCrossEntropy(e, c, Int32Array.of(0, 1));
 * loss.backward();
 * console.log(await loss.item(), await e.grad!.read());
 * ```
 */
export function linearCrossEntropy(
  e: Tensor,
  c: Tensor,
  targets: Tensor | Int32Array,
  options?: LinearCrossEntropyOptions,
): Tensor;
export function linearCrossEntropy(
  e: Tensor,
  c: Tensor,
  targets: Tensor | Int32Array,
  options: WithLse,
): LossAndLse;
export function linearCrossEntropy(
  e: Tensor,
  c: Tensor,
  targets: Tensor | Int32Array,
  options: WithAccuracy,
): LossAndAccuracy;
export function linearCrossEntropy(
  e: Tensor,
  c: Tensor,
  targets: Tensor | Int32Array,
  options: WithLseAndAccuracy,
): LossAndLse & LossAndAccuracy;
export function linearCrossEntropy(
  e: Tensor,
  c: Tensor,
  targets: Tensor | Int32Array,
  options: AnyOptions = {},
): Tensor | LossAndLse | LossAndAccuracy {
  const p = new Problem(e, c, targets, options);
  const inputs = [e, c, ...(options.bias ? [options.bias] : [])];
  let result: Computed, outputs: Tensor[];
  try {
    using _scope = p.gpu.scope(); // if memory runs out on the way, what was made before is freed
    result = compute(p, inputs, options);
    outputs = Object.values(result);
    for (const output of outputs) p.gpu.disown(output);
  } catch (error) {
    p.release();
    throw error;
  }
  for (const output of outputs) p.gpu.adopt(output);
  return outputs.length > 1 ? result as LossAndLse & LossAndAccuracy : result.loss;
}

/** The loss, and what else was asked for. */
interface Computed {
  loss: Tensor;
  lse?: Tensor;
  accuracy?: Tensor;
}

/** No gradients. */
const NOTHING: Wanted = { e: false, c: false, bias: false };

function compute(
  p: Problem,
  inputs: readonly Tensor[],
  { returnLse = false, returnAccuracy = false }: AnyOptions,
): Computed {
  const { gpu } = p, { reduction } = p.options;
  const [e, c, bias] = inputs;
  const wanted: Wanted = {
    e: e.requiresGrad,
    c: c.requiresGrad,
    bias: bias?.requiresGrad ?? false,
  };
  const differentiate = gpu.gradEnabled && inputs.some((input) => input.requiresGrad);

  const resultShape = reduction === "none" ? p.tokenShape : [];

  if (p.rowCount === 0) {
    const loss = gpu.zeros(resultShape, { label: "loss" });
    const lse = returnLse ? gpu.zeros(p.tokenShape, { label: "lse" }) : undefined;
    record({
      name: "linearCrossEntropy",
      inputs,
      outputs: lse ? [loss, lse] : [loss],
      backward: () =>
        inputs.map((x) => x.requiresGrad ? gpu.zeros(x.shape, { label: "gradient" }) : undefined),
      release: () => p.release(),
    });
    return {
      loss,
      ...(lse ? { lse } : {}),
      ...(returnAccuracy ? { accuracy: gpu.zeros(resultShape, { label: "accuracy" }) } : {}),
    };
  }

  // If all weights are zero the mean is as if all targets were ignored.
  const factor = reduction === "mean" ? p.totalWeight && 1 / p.totalWeight : 1;
  const { weights } = p;
  const coefficientsOf = (
    lse: DeviceBuffer,
    { first, rows }: RowBlock,
    into: DeviceBuffer,
    dLoss?: Tensor,
    dLse?: Tensor,
  ) =>
    gpu.run(
      lossCoefficients({
        loss: !dLoss ? "none" : reduction === "none" ? "rows" : "scalar",
        lse: dLse !== undefined,
        weighted: weights !== undefined,
      }),
      {
        lse,
        positions: p.positions,
        coefficients: into,
        ...(dLoss ? { dLoss } : {}),
        ...(dLse ? { dLse } : {}),
        ...(weights ? { weights } : {}),
      },
      {
        rowCount: rows,
        first,
        factor,
        vocabulary: p.v,
        smoothing: p.options.labelSmoothing,
        zLoss: p.options.zLoss,
      },
      elementGrid(rows, 64),
    );

  // The chunked way knows the gradient of mean and sum up to a factor, while it has the logits.
  const { impl } = p.options;
  const isEager = impl === "chunked" && reduction !== "none" && !returnLse;
  let forward: ForwardResult | EagerResult;
  if (isEager && canUseExponentials(p)) {
    forward = exponentialForward(p, { wanted: differentiate ? wanted : NOTHING, factor });
  } else if (isEager && differentiate) forward = eagerForward(p, { wanted, factor });
  else if (impl === "chunked") forward = chunkedForward(p);
  else if (impl === "naive") forward = naiveForward(p, differentiate);
  else forward = cutForward(p, differentiate);
  const later = "made" in forward ? undefined : forward;
  let made = "made" in forward ? forward.made : undefined;

  /** One value a token, or their sum times a factor. */
  const reduced = (values: DeviceBuffer, label: string, factor: number) => {
    const y = gpu.empty(resultShape, { label });
    const all = { count: p.rowCount, chunk: p.rowCount, factor };
    if (reduction === "none") spread(p, values, y);
    else gpu.run(sum(), { x: values, parts: y }, all, [1]);
    values.release();
    return y;
  };
  const loss = reduced(forward.losses, "loss", factor);
  const accuracy = p.correct &&
    reduced(p.correct, "accuracy", reduction === "mean" ? 1 / p.rowCount : 1);
  let lse: Tensor | undefined;
  if (returnLse) {
    lse = gpu.empty(p.tokenShape, { label: "lse" });
    spread(p, later!.lse, lse);
  }

  const release = () => {
    for (const gradient of [made?.e, made?.c, made?.bias]) gradient?.dispose();
    p.release();
  };
  // What is kept for the way back belongs to the tape, not to the scope it was made in.
  for (const gradient of [made?.e, made?.c, made?.bias]) gradient?.keep();
  record({
    name: "linearCrossEntropy",
    inputs,
    outputs: lse ? [loss, lse] : [loss],
    backward: ([dLoss, dLse]) => {
      let gradients: Gradients;
      if (made) {
        gradients = { e: made.e, c: made.c, bias: made.bias };
        made = undefined;
        for (const gradient of [gradients.e, gradients.c, gradients.bias]) {
          if (!gradient || isOne(dLoss!)) continue;
          for (const y of gpu.parts(gradient)) {
            const count = y.bytes / 4;
            gpu.run(scaleBy(), { y, factor: dLoss! }, { count }, scaleByGrid(count));
          }
        }
      } else {
        const coefficients = p.allocate(p.rowCount * 16, "coefficients");
        coefficientsOf(later!.lse, { first: 0, rows: p.rowCount }, coefficients, dLoss, dLse);
        gradients = later!.gradients(coefficients, wanted);
        coefficients.release();
      }
      return bias ? [gradients.e, gradients.c, gradients.bias] : [gradients.e, gradients.c];
    },
    release,
  });
  return { loss, ...(lse ? { lse } : {}), ...(accuracy ? { accuracy } : {}) };
}

/** One value a token that counts → one value a token, 0 elsewhere. */
function spread(p: Problem, values: DeviceBuffer, to: Tensor): void {
  if (p.rowCount < to.size) p.gpu.clear(to.memory);
  p.gpu.run(
    gatherRows({ scatter: true }),
    { x: values, rows: p.positions, y: to },
    { rowCount: p.rowCount, first: 0, width: 1 },
    elementGrid(p.rowCount, 256),
  );
}
