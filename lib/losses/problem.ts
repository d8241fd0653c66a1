/** What a loss is computed from: shapes checked, tokens that count listed, all on the device. */
import type { BufferSlice, DeviceBuffer } from "../gpu/pool.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { elementBytes, formatShape, type Shape, ShapeError } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkFloat, checkHalf, checkWeight, hostTargets } from "./check_inputs.ts";
import { type AnyOptions, type ResolvedOptions, resolveOptions } from "./options.ts";

/** Rows of C that one binding covers, and their place in the vocabulary. */
export interface Shard {
  /** First row of C; a multiple of {@linkcode SHARD_ROWS}. */
  first: number;
  /** Rows of C. */
  columns: number;
}

/** Shards are multiples of this, so that they begin at a vocabulary tile and at 256 bytes. */
export const SHARD_ROWS = 128;

/**
 * A checked call of the loss. Only tokens whose target counts take part: `rows` lists their rows of
 * E, `targets` their targets, `positions` their places in the result, `weights` what their losses weigh.
 */
export class Problem {
  readonly gpu: Gpu;
  readonly options: ResolvedOptions;
  /** Handles of our own, so that it does not matter what the caller does with his. */
  readonly e: Tensor;
  readonly c: Tensor;
  readonly bias: Tensor | undefined;
  /** Whether E and C hold f16: "half mode". */
  readonly half: boolean;
  /** Rows and columns of E, rows of C. */
  readonly n: number;
  readonly d: number;
  readonly v: number;
  /** Shape of one value a token: E's leading dimensions, the last one less the shift. */
  readonly tokenShape: Shape;
  /** Number of tokens that count. */
  readonly rowCount: number;
  /** Whether every row of E counts, in order. */
  readonly identity: boolean;
  readonly hostTargets: Uint32Array<ArrayBuffer>;
  /** Sum of the weights of the tokens that count, or their number. */
  readonly totalWeight: number;
  /** f32 [rowCount], 1 where the target is the most likely entry, if it is asked for. */
  readonly correct: DeviceBuffer | undefined;
  readonly shards: readonly Shard[];

  readonly #weighted: boolean;
  #held = new Set<DeviceBuffer>();
  #lists: DeviceBuffer | undefined;
  #listBytes: number;

  constructor(
    e: Tensor,
    c: Tensor,
    targets: Tensor | Int32Array,
    options: AnyOptions,
  ) {
    checkFloat("e", e);
    checkFloat("c", c, e.gpu);
    this.gpu = e.gpu;
    this.half = checkHalf(e, c);
    this.options = resolveOptions(options);
    const { shift } = this.options, { bias, weight } = options;
    if (e.shape.length < 2) {
      throw new ShapeError(
        `e has the shape ${formatShape(e.shape)}; expected [..., D] with at least one dimension ` +
          `of tokens before D.`,
      );
    }
    if (c.shape.length !== 2 || c.shape[0] < 1 || c.shape[1] < 1) {
      throw new ShapeError(`c has the shape ${formatShape(c.shape)}; expected [V, D], both ≥ 1.`);
    }
    const leading = e.shape.slice(0, -1);
    this.d = e.shape.at(-1)!;
    this.v = c.shape[0];
    if (c.shape[1] !== this.d) {
      throw new ShapeError(
        `c has the shape ${formatShape(c.shape)}, that is D = ${c.shape[1]}, but e has the shape ${
          formatShape(e.shape)
        }, that is D = ${this.d}.`,
      );
    }
    this.n = leading.reduce((a, b) => a * b, 1);
    if (this.n === 0) {
      throw new ShapeError(
        `e has the shape ${formatShape(e.shape)}: an empty batch has no loss.`,
      );
    }
    const length = leading.at(-1)!;
    if (shift >= length) {
      throw new RangeError(
        `shift is ${shift}, but sequences have ${length} positions (e is ${
          formatShape(e.shape)
        }); expected less.`,
      );
    }
    this.tokenShape = [...leading.slice(0, -1), length - shift];
    if (bias) {
      checkFloat("bias", bias, e.gpu);
      if (bias.dtype !== "f32") {
        throw new TypeError(
          `bias has the dtype ${bias.dtype}; expected f32, whatever e and c are.`,
        );
      }
      if (bias.shape.length !== 1 || bias.shape[0] !== this.v) {
        throw new ShapeError(
          `bias has the shape ${formatShape(bias.shape)}; expected [V] = [${this.v}].`,
        );
      }
    }
    // The gradient is f32, also of an e of f16.
    if (this.n * this.d * 4 > this.gpu.maxBinding) {
      throw new ShapeError(
        `e has the shape ${
          formatShape(e.shape)
        }, more than the ${this.gpu.maxBinding} bytes that ` +
          `a kernel of this device can bind; split the batch.`,
      );
    }

    if (weight) checkWeight(weight, this.v);

    const ids = hostTargets(targets, leading, e.shape);
    const rows = new Uint32Array(this.n), counted = new Uint32Array(this.n);
    const positions = new Uint32Array(this.n);
    let count = 0;
    for (let sequence = 0, at = 0; sequence < this.n; sequence += length) {
      for (let t = 0; t < length - shift; t++, at++) {
        const target = ids[sequence + t + shift];
        if (target === this.options.ignoreIndex) continue;
        if (target < 0 || target >= this.v) {
          throw new RangeError(
            `targets[${sequence + t + shift}] is ${target}; expected 0 to ${this.v - 1} ` +
              `(V − 1) or ignoreIndex = ${this.options.ignoreIndex}.`,
          );
        }
        rows[count] = sequence + t;
        positions[count] = at;
        counted[count++] = target;
      }
    }
    this.rowCount = count;
    this.identity = count === this.n;
    this.hostTargets = counted.slice(0, count);
    const weights = weight && Float32Array.from(this.hostTargets, (target) => weight[target]);
    this.totalWeight = weights ? weights.reduce((sum, x) => sum + x, 0) : count;
    this.#weighted = weights !== undefined;

    const perShard = Math.floor(this.gpu.maxBinding / (4 * this.d) / SHARD_ROWS) * SHARD_ROWS;
    if (perShard === 0) {
      throw new ShapeError(`D = ${this.d} is too large: ${SHARD_ROWS} rows of c exceed a binding.`);
    }
    const shards: Shard[] = [];
    for (let first = 0; first < this.v; first += perShard) {
      shards.push({ first, columns: Math.min(perShard, this.v - first) });
    }
    this.shards = shards;

    this.e = e.alias().keep();
    this.c = c.alias().keep();
    this.bias = bias?.alias().keep();
    this.#listBytes = Math.ceil(Math.max(1, count) * 4 / 256) * 256;
    if (count === 0) return;
    const lists = [rows, counted, positions];
    if (weights) lists.push(new Uint32Array(weights.buffer));
    const all = new Uint32Array(lists.length * this.#listBytes / 4);
    lists.forEach((list, i) => all.set(list.subarray(0, count), i * this.#listBytes / 4));
    try {
      this.#lists = this.allocate(all.byteLength, "lists of tokens");
      this.gpu.write(this.#lists, all);
      if (options.returnAccuracy) this.correct = this.allocate(count * 4, "correct tokens");
    } catch (error) {
      this.release();
      throw error;
    }
  }

  #list(i: number): BufferSlice {
    return this.#lists!.slice(i * this.#listBytes, this.rowCount * 4);
  }

  /** u32 [rowCount]: rows of E. */
  get rows(): BufferSlice {
    return this.#list(0);
  }

  /** u32 [rowCount]: targets. */
  get targets(): BufferSlice {
    return this.#list(1);
  }

  /** u32 [rowCount]: places in the result. */
  get positions(): BufferSlice {
    return this.#list(2);
  }

  /** f32 [rowCount]: weights, if there are any. */
  get weights(): BufferSlice | undefined {
    return this.#weighted ? this.#list(3) : undefined;
  }

  /** Constants, bindings and parameters of kernels/token_loss.ts, but for what it always writes. */
  get tokenLoss() {
    const { weights, correct, v, options: { labelSmoothing, zLoss } } = this;
    return {
      constants: {
        smoothed: labelSmoothing > 0,
        weighted: weights !== undefined,
        correct: correct !== undefined,
      },
      bindings: { ...(weights ? { weights } : {}), ...(correct ? { correct } : {}) },
      params: { vocabulary: v, smoothing: labelSmoothing, zLoss },
    };
  }

  /** A shard's rows of something that lies like C: C itself, or its gradient. */
  shardOf(tensor: Tensor, { first, columns }: Shard): BufferSlice {
    const rowBytes = this.d * elementBytes(tensor.dtype);
    return tensor.memory.slice(tensor.slice.offset + first * rowBytes, columns * rowBytes);
  }

  /** A shard's part of the bias. */
  biasOf({ first, columns }: Shard): BufferSlice | undefined {
    return this.bias && {
      ...this.bias.slice,
      offset: this.bias.slice.offset + first * 4,
      bytes: columns * 4,
    };
  }

  /** Memory that is freed with the problem, if not before (also when something throws). */
  allocate(bytes: number, label: string): DeviceBuffer {
    const buffer = this.gpu.allocate(bytes, label);
    this.#held.add(buffer);
    return buffer;
  }

  /** Frees all that was allocated for it, and the handles. */
  release(): void {
    for (const tensor of [this.e, this.c, this.bias]) tensor?.dispose();
    for (const buffer of this.#held) if (!buffer.freed) buffer.release();
    this.#held.clear();
  }
}
