import { adamw } from "../../kernels/adamw.ts";
import { clipFactor, sumOfSquares } from "../../kernels/gradient_norm.ts";
import { elementGrid } from "../../kernels/grid.ts";
import { ALIGNMENT, type BufferSlice, type DeviceBuffer } from "../gpu/pool.ts";
import type { TensorToSave, WeightSource } from "../nn/model_files.ts";
import type { Parameters, Segment } from "../nn/parameters.ts";
import { checkKeys } from "../tensor/check_keys.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Options of {@linkcode AdamW}; defaults as in PyTorch. */
export interface AdamWOptions {
  learningRate?: number;
  betas?: readonly [number, number];
  eps?: number;
  /** Share of a weight, times the learning rate, that goes at each step; not of biases and norms. */
  weightDecay?: number;
  /** Largest norm of all gradients together; larger ones are scaled down (default: none). */
  maxGradNorm?: number;
}

/** Names of the options. */
const OPTIONS: Record<keyof AdamWOptions, true> = {
  learningRate: true,
  betas: true,
  eps: true,
  weightDecay: true,
  maxGradNorm: true,
};

/** Partial sums of squares at most, of one dispatch. */
const MOST_PARTS = 512;

/** Names of the two moments in files, those of PyTorch's state. */
const MOMENTS = ["exp_avg", "exp_avg_sq"] as const;

/**
 * AdamW over all parameters of a model (Loshchilov and Hutter 2019), equal to PyTorch's
 * `torch.optim.AdamW` with biases and norms in a group without decay, behind `clip_grad_norm_`.
 *
 * It joins the gradients into one buffer, those that there are already among them, so that one kernel
 * measures them and one updates all weights. Nothing is waited for: the clip factor stays on the
 * device. A weight is left as it is while its tensor's `requiresGrad` is false.
 */
export class AdamW implements Disposable {
  readonly options: Required<AdamWOptions>;
  /** Norm of the gradients of the last step before clipping, and the factor that clipped them. */
  readonly gradNorm: Tensor;

  #learningRate = 0;
  #steps = 0;
  #moments: { segment: Segment; m: DeviceBuffer; v: DeviceBuffer }[];

  /**
   * @throws {TypeError} naming an option that there is not.
   * @throws {RangeError} naming an option that is out of its range.
   * @throws {Error} if the weights are not in memory (any more).
   * @throws {OutOfMemoryError} if gradients and moments do not fit; no moment is in memory then.
   */
  constructor(readonly parameters: Parameters, options: AdamWOptions = {}) {
    const { gpu } = parameters;
    checkKeys("AdamW", options, OPTIONS);
    this.options = {
      learningRate: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.01,
      maxGradNorm: Infinity,
      ...options,
    };
    const { learningRate, betas, eps, weightDecay, maxGradNorm } = this.options;
    this.learningRate = learningRate;
    for (const beta of betas) check("a beta", beta, beta >= 0 && beta < 1, "0 ≤ beta < 1");
    checkFinite("eps", eps);
    checkFinite("weightDecay", weightDecay);
    check("maxGradNorm", maxGradNorm, maxGradNorm > 0, "a positive number");
    parameters.joinGradients();
    const made: DeviceBuffer[] = [];
    const zeros = (bytes: number) => {
      const buffer = gpu.allocate(bytes, "optimiser");
      made.push(buffer);
      gpu.clear(buffer);
      return buffer;
    };
    try {
      this.#moments = parameters.segments.map((segment) => ({
        segment,
        m: zeros(segment.bytes),
        v: zeros(segment.bytes),
      }));
      this.gradNorm = gpu.zeros([2], { label: "norm of gradients" }).keep();
    } catch (error) {
      // There is no optimiser, so nobody else can free those that did fit.
      for (const buffer of made) buffer.release();
      throw error;
    }
  }

  /**
   * Of the next step; schedules set it.
   *
   * @throws {RangeError} when it is set to what is no finite number of at least 0.
   */
  get learningRate(): number {
    return this.#learningRate;
  }

  set learningRate(value: number) {
    checkFinite("learningRate", value);
    this.#learningRate = value;
  }

  /** Steps made so far. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Updates all weights that require a gradient by their gradients, which it leaves as they are.
   *
   * @throws {Error} naming a weight whose gradient is not in the joint buffer any more.
   */
  step(): void {
    const { gpu } = this.parameters;
    const { betas: [beta1, beta2], eps, weightDecay } = this.options;
    for (const { tensor, name } of this.parameters.all) {
      if (this.parameters.segments.some((s) => s.gradients === tensor.grad?.memory)) continue;
      throw new Error(
        `The gradient of "${name}" is not where AdamW left it; use zeroGrad() of the optimiser ` +
          `or of the parameters, not of the tensor.`,
      );
    }
    this.#measure();
    this.#steps++;
    const rate = this.learningRate / (1 - beta1 ** this.#steps);
    const correction = Math.sqrt(1 - beta2 ** this.#steps);
    for (const [i, { segment, m, v }] of this.#moments.entries()) {
      for (const { offset, bytes } of this.#trained(i)) {
        const at = (buffer: DeviceBuffer): BufferSlice => ({ buffer, offset, bytes });
        const quads = bytes / 16;
        const decaying = Math.min(quads, Math.max(0, (segment.decayBytes - offset) / 16));
        gpu.run(adamw(), {
          p: at(segment.weights),
          g: at(segment.gradients!),
          m: at(m),
          v: at(v),
          clip: this.gradNorm,
        }, {
          quads,
          decaying,
          keep: 1 - this.learningRate * weightDecay,
          rate,
          beta2,
          rest1: 1 - beta1,
          rest2: 1 - beta2,
          correction,
          eps,
        }, elementGrid(quads, 256));
      }
    }
  }

  /** Sets all gradients to zero. */
  zeroGrad(): void {
    this.parameters.zeroGrad();
  }

  /** The moments, under the names of the weights; fetched from the device when asked for. */
  toTensors(): Map<string, TensorToSave> {
    const { gpu } = this.parameters;
    const tensors = new Map<string, TensorToSave>();
    for (const { key, shape, slice } of this.#named()) {
      tensors.set(key, {
        shape,
        data: async () => new Float32Array((await gpu.readBytes([slice]))[0]),
      });
    }
    return tensors;
  }

  /**
   * Goes on where {@linkcode toTensors} was called after `steps` steps.
   *
   * @throws {TypeError} a sentence naming the first moment that is missing or of another shape.
   */
  setTensors(source: WeightSource, steps: number): void {
    for (const { key, shape, slice } of this.#named()) {
      const entry = source.entries.get(key);
      if (!entry || !sameShape(entry.shape, shape)) {
        throw new TypeError(
          `The optimiser's state ${
            entry ? `has "${key}" of shape ${formatShape(entry.shape)}` : `lacks "${key}"`
          }; expected ${formatShape(shape)}.`,
        );
      }
      this.parameters.gpu.write(slice, source.readFloat32(key).data);
    }
    this.#steps = steps;
  }

  *#named() {
    for (const { name, shape, segment, offset, weights: { bytes } } of this.parameters.named()) {
      const { m, v } = this.#moments[segment];
      for (const [i, buffer] of [m, v].entries()) {
        yield { key: `${MOMENTS[i]}.${name}`, shape, slice: { buffer, offset, bytes } };
      }
    }
  }

  /**
   * Parts of a segment whose weights require a gradient, each small enough for a binding. Others are
   * left out: their gradient is 0, but they would decay, and go on along moments of earlier steps.
   */
  *#trained(index: number): Generator<Piece> {
    const { gpu, all } = this.parameters, { segment } = this.#moments[index];
    // Every step comes here, and mostly nothing is frozen.
    const any = all.some(({ tensor }) => !tensor.requiresGrad);
    const frozen = (any ? [...this.parameters.named()] : [])
      .filter((it) => it.segment === index && !it.parameter.tensor.requiresGrad)
      .sort((a, b) => a.offset - b.offset);
    let start = 0;
    for (const { offset, weights: { bytes } } of frozen) {
      yield* pieces(offset, gpu.maxBinding, start);
      start = Math.ceil((offset + bytes) / ALIGNMENT) * ALIGNMENT;
    }
    yield* pieces(segment.bytes, gpu.maxBinding, start);
  }

  /** Norm of all gradients and the factor that clips them, on the device. */
  #measure(): void {
    const { gpu } = this.parameters;
    const all = this.#moments.flatMap(({ segment }) =>
      [...pieces(segment.bytes, gpu.maxBinding)].map((piece) => ({ segment, ...piece }))
    );
    using parts = gpu.empty([all.length * MOST_PARTS], { label: "sums of squares" });
    let first = 0;
    for (const { segment, offset, bytes } of all) {
      const quads = bytes / 16, chunk = Math.max(256, Math.ceil(quads / MOST_PARTS));
      const groups = Math.ceil(quads / chunk);
      const x = { buffer: segment.gradients!, offset, bytes };
      gpu.run(sumOfSquares(), { x, parts }, { quads, chunk, first }, [groups]);
      first += groups;
    }
    const { maxGradNorm } = this.options;
    const most = Number.isFinite(maxGradNorm) ? maxGradNorm : 0;
    gpu.run(clipFactor(), { parts, out: this.gradNorm }, { count: first, most }, [1]);
  }

  /** Frees the moments; the model and its gradients stay. */
  [Symbol.dispose](): void {
    this.gradNorm.dispose();
    for (const { m, v } of this.#moments) {
      m.release();
      v.release();
    }
    this.#moments = [];
  }
}

function check(name: string, value: number, ok: boolean, expected: string): void {
  if (!ok) throw new RangeError(`AdamW: ${name} is ${value}; expected ${expected}.`);
}

function checkFinite(name: string, value: number): void {
  check(name, value, Number.isFinite(value) && value >= 0, "a finite number of at least 0");
}

/** Part of a buffer. */
interface Piece {
  offset: number;
  bytes: number;
}

/** Parts of a buffer between two places that one binding can cover. */
function* pieces(end: number, most: number, start = 0): Generator<Piece> {
  for (let offset = start; offset < end; offset += most) {
    yield { offset, bytes: Math.min(most, end - offset) };
  }
}
