/** All weights of a model, side by side in device memory, and their gradients likewise. */
import { fill } from "../../kernels/fill.ts";
import { elementGrid } from "../../kernels/grid.ts";
import { normal } from "../../kernels/normal.ts";
import { hash64 } from "../data/random.ts";
import { ALIGNMENT, type BufferSlice, type DeviceBuffer } from "../gpu/pool.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { elementCount, formatShape, type Shape, ShapeError } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Initial, Parameter } from "./parameter.ts";

/** A run of memory that holds parameters; optimisers go over it without knowing of them. */
export interface Segment {
  readonly bytes: number;
  /** Up to here lie the parameters that decay, then those that do not. */
  readonly decayBytes: number;
  readonly weights: DeviceBuffer;
  /** Laid out like the weights. */
  readonly gradients: DeviceBuffer | undefined;
}

/** One weight as files know it. */
export interface NamedWeight {
  readonly name: string;
  readonly shape: Shape;
  /** Its elements on the device. */
  readonly weights: BufferSlice;
  /** Place of its elements in the segment. */
  readonly segment: number;
  readonly offset: number;
  readonly parameter: Parameter;
}

type MutableSegment = { -readonly [K in keyof Segment]: Segment[K] };

/**
 * Declares the weights of a model and lays them out in one buffer (or a few, where one would be too
 * large), each at a multiple of 256 bytes. One kernel can so update or measure them all.
 *
 * ```ts ignore
 * const parameters = new Parameters(gpu);
 * const weight = parameters.declare("score.weight", [2, 8], { normal: 0.02 });
 * parameters.allocate({ seed: 1 });
 * linear(x, weight.tensor);
 * ```
 */
export class Parameters implements Disposable {
  #declared: Parameter[] = [];
  #segments: MutableSegment[] = [];
  #places = new Map<Parameter, { segment: number; offset: number }>();

  constructor(readonly gpu: Gpu) {}

  /**
   * Adds a weight; its tensor exists after {@linkcode allocate}.
   *
   * @throws {Error} if another weight has one of its names: a file could only hold one of them.
   * @throws {ShapeError} if its first dimension cannot be cut into equal parts.
   */
  declare(
    name: string,
    shape: Shape,
    initial: Initial,
    parts: readonly string[] = [name],
  ): Parameter {
    if (this.#segments.length > 0) {
      throw new Error(`Parameter "${name}" was declared after allocate().`);
    }
    const taken = parts.find((part) => this.#declared.some((other) => other.parts.includes(part)));
    if (taken !== undefined) {
      throw new Error(`Two weights are named "${taken}"; expected a name of its own for each.`);
    }
    if (parts.length > 1 && !(shape[0] % parts.length === 0)) {
      throw new ShapeError(
        `Parameter "${name}" has the shape ${
          formatShape(shape)
        }; expected a first dimension that is a ` +
          `multiple of its ${parts.length} parts.`,
      );
    }
    const parameter = new Parameter(name, shape, initial, parts);
    this.#declared.push(parameter);
    return parameter;
  }

  /** All parameters in the order of their declaration. */
  get all(): readonly Parameter[] {
    return this.#declared;
  }

  /** Number of elements. */
  get size(): number {
    return this.#declared.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  }

  /** Bytes that the weights take on the device. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The runs of memory that hold the weights. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /**
   * Lays out all weights, those that decay first, and gives them their first elements.
   *
   * @param seed a whole number from 0 to 2⁵³ − 1; the same gives the same elements, whatever else is
   *   declared.
   * @param largestBuffer bytes of a buffer, at most (default: what the device allows).
   * @throws {OutOfMemoryError} if they do not fit; none of them is in memory then.
   */
  allocate(
    { seed = 0, largestBuffer }: { seed?: number; largestBuffer?: number } = {},
  ): void {
    const { gpu } = this;
    if (this.#segments.length > 0) {
      throw new Error(
        "allocate() was called a second time; the weights have their places already.",
      );
    }
    if (!(Number.isSafeInteger(seed) && seed >= 0)) {
      throw new RangeError(`seed is ${seed}; expected a whole number from 0 to 2^53 - 1.`);
    }
    const most = largestBuffer ?? gpu.limits.maxBufferSize;
    const ordered = [
      ...this.#declared.filter((parameter) => parameter.decays),
      ...this.#declared.filter((parameter) => !parameter.decays),
    ];
    for (const parameter of ordered) {
      const bytes = Math.ceil(elementCount(parameter.shape) * 4 / ALIGNMENT) * ALIGNMENT;
      let segment = this.#segments.at(-1);
      if (!segment || segment.bytes + bytes > most) {
        segment = { bytes: 0, decayBytes: 0, weights: undefined!, gradients: undefined };
        this.#segments.push(segment);
      }
      this.#places.set(parameter, {
        segment: this.#segments.length - 1,
        offset: segment.bytes,
      });
      segment.bytes += bytes;
      if (parameter.decays) segment.decayBytes = segment.bytes;
    }
    try {
      for (const segment of this.#segments) {
        segment.weights = gpu.allocate(segment.bytes, "weights");
        gpu.clear(segment.weights);
      }
    } catch (error) {
      // The model is not made, so nobody else can free those that did fit.
      for (const { weights } of this.#segments) weights?.release();
      this.#segments = [];
      throw error;
    }
    for (const parameter of this.#declared) {
      const { segment, offset } = this.#places.get(parameter)!;
      const { weights } = this.#segments[segment];
      const { name, shape } = parameter;
      parameter.tensor = new Tensor(
        gpu,
        weights.retain(),
        { shape, label: name, requiresGrad: true },
        offset,
      ).keep();
    }
    this.initialise(this.#declared, seed);
  }

  /** Gives parameters their first elements. */
  initialise(parameters: readonly Parameter[], seed: number): void {
    const { gpu } = this;
    for (const { name, initial, tensor } of parameters) {
      const count = tensor.size;
      if ("normal" in initial) {
        const [stream_low, stream_high] = hash64(name);
        gpu.run(normal(), { y: tensor }, {
          count,
          scale: initial.normal,
          seed_low: seed >>> 0,
          seed_high: Math.floor(seed / 2 ** 32),
          stream_low,
          stream_high,
        }, elementGrid(Math.ceil(count / 4), 256));
      } else if (initial.constant !== 0) {
        const params = { count, value: initial.constant };
        gpu.run(fill(), { y: tensor }, params, elementGrid(count, 256));
      }
    }
  }

  /**
   * Makes one buffer of all gradients: `backward()` adds to its parts from now on, so that an
   * optimiser reads them in one go. Without it every gradient has memory of its own. Gradients that
   * there are already move into it.
   *
   * @throws {Error} if there are no weights: `allocate()` was not called, or they were freed.
   * @throws {OutOfMemoryError} if it does not fit.
   */
  joinGradients(): void {
    const { gpu } = this;
    this.#checkAllocated();
    for (const segment of this.#segments) {
      if (segment.gradients) continue;
      segment.gradients = gpu.allocate(segment.bytes, "gradients");
      gpu.clear(segment.gradients);
    }
    for (const parameter of this.#declared) {
      const { tensor, shape, name } = parameter;
      const { segment, offset } = this.#places.get(parameter)!;
      const gradients = this.#segments[segment].gradients!;
      const soFar = tensor.grad?.disposed ? undefined : tensor.grad;
      if (soFar?.memory === gradients) continue;
      tensor.grad = new Tensor(
        gpu,
        gradients.retain(),
        { shape, label: `gradient of ${name}`, exclusive: true },
        offset,
      ).keep();
      tensor.grad.cleared = !soFar;
      if (!soFar) continue;
      gpu.copy(soFar, tensor.grad, tensor.grad.bytes);
      soFar.dispose();
    }
  }

  /** Sets all gradients to zero. */
  zeroGrad(): void {
    for (const { gradients } of this.#segments) if (gradients) this.gpu.clear(gradients);
    for (const { tensor } of this.#declared) {
      const { grad } = tensor;
      if (!grad) continue;
      if (this.#segments.some((s) => s.gradients === grad.memory)) grad.cleared = true;
      else tensor.zeroGrad();
    }
  }

  /** Every weight under its name in files, in the order of declaration. */
  *named(): Generator<NamedWeight> {
    this.#checkAllocated();
    for (const parameter of this.#declared) {
      const { segment, offset: first } = this.#places.get(parameter)!;
      const { parts, shape: [rows, ...rest] } = parameter;
      const shape = parts.length === 1 ? parameter.shape : [rows / parts.length, ...rest];
      const bytes = elementCount(shape) * 4;
      const buffer = this.#segments[segment].weights;
      for (const [i, name] of parts.entries()) {
        const offset = first + i * bytes;
        yield { name, shape, weights: { buffer, offset, bytes }, segment, offset, parameter };
      }
    }
  }

  /** Throws if weights were declared, but are not in memory. */
  #checkAllocated(): void {
    if (this.#declared.length === 0 || this.#segments.length > 0) return;
    throw new Error(
      "The weights have no elements: allocate() was not called, or they were freed.",
    );
  }

  /** Reads all weights, or their gradients, under their names in files, with one wait. */
  async read(
    which: "weights" | "gradients" = "weights",
  ): Promise<Map<string, { shape: Shape; data: Float32Array<ArrayBuffer> }>> {
    const named = [...this.named()];
    const slices = named.map(({ name, weights, offset, parameter }) => {
      if (which === "weights") return weights;
      const { grad } = parameter.tensor;
      if (!grad) throw new Error(`Parameter "${name}" has no gradient: call backward() first.`);
      const start = offset - this.#places.get(parameter)!.offset;
      return { buffer: grad.memory, offset: grad.slice.offset + start, bytes: weights.bytes };
    });
    const parts = await this.gpu.readBytes(slices);
    return new Map(
      named.map(({ name, shape }, i) => [name, { shape, data: new Float32Array(parts[i]) }]),
    );
  }

  /** Frees weights and gradients. */
  [Symbol.dispose](): void {
    for (const { tensor } of this.#segments.length > 0 ? this.#declared : []) tensor.dispose();
    for (const { weights, gradients } of this.#segments) {
      weights.release();
      gradients?.release();
    }
    this.#segments = [];
  }
}
