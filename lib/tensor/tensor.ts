/** Tensors on the device, and the tape that remembers how they were made. */
import type { BufferSlice, DeviceBuffer } from "../gpu/pool.ts";
import type { Gpu } from "./gpu.ts";
import { backward, drop, type TapeNode } from "./tape.ts";
import {
  type DType,
  elementBytes,
  elementCount,
  formatShape,
  type Shape,
  ShapeError,
} from "./shape.ts";

/** What a tensor is made with. */
export interface TensorInit {
  shape: Shape;
  dtype?: DType;
  label?: string;
  requiresGrad?: boolean;
  /** It alone uses its part of the memory, though others hold the buffer: a gradient among others. */
  exclusive?: boolean;
}

/** Where Deno's console and its notebooks look for what to print; it means nothing elsewhere. */
const INSPECT: unique symbol = Symbol.for("Deno.customInspect") as never;

/** Frees the memory of tensors that were forgotten; those who count on it wait for the collector. */
const forgotten = new FinalizationRegistry<DeviceBuffer>((buffer) => buffer.release());

/**
 * An array on the device: f32 unless it holds indices (i32) or half-precision storage (f16).
 *
 * Memory is freed by {@linkcode Tensor.dispose} (or `using`), by the {@linkcode Gpu.scope} it was
 * made in, or by `backward()`, which frees every intermediate result of the tape it consumes.
 */
export class Tensor implements Disposable {
  readonly shape: Shape;
  /** Number of elements. */
  readonly size: number;
  readonly dtype: DType;
  readonly label: string;
  /** Whether `backward()` computes the gradient of this tensor. */
  requiresGrad: boolean;
  /** The sum of all gradients since the last `zeroGrad()`; of leaves, and of tensors kept. */
  grad: Tensor | undefined;
  /** Of a gradient: known to hold nothing but zeros, so that the first one may be written over it. */
  cleared = false;
  /** How it was made, if a gradient may flow through it. */
  node: TapeNode | undefined;
  /** Whether the tape that made it has been consumed: no gradient can flow through it any more. */
  consumed = false;
  /** Recorded operations that use it. */
  consumers = 0;
  #hostInts: { values: Int32Array; writes: number } | undefined;
  #memory: DeviceBuffer | undefined;
  #offset: number;
  #freedBy: string | undefined;
  #kept = false;
  #exclusive: boolean;

  /** Takes over one hold on `memory`. Use `gpu.tensor` and its like. */
  constructor(readonly gpu: Gpu, memory: DeviceBuffer, init: TensorInit, offset = 0) {
    this.shape = Object.freeze([...init.shape]);
    this.size = elementCount(this.shape);
    this.dtype = init.dtype ?? "f32";
    this.label = init.label ?? memory.label;
    this.requiresGrad = init.requiresGrad ?? false;
    if (this.requiresGrad && this.dtype === "i32") {
      throw new TypeError(`Tensor "${this.label}" of dtype i32 cannot require a gradient.`);
    }
    this.#memory = memory;
    this.#offset = offset;
    this.#exclusive = init.exclusive ?? false;
    forgotten.register(this, memory, this);
    gpu.adopt(this);
  }

  /** Shape, type and name, which fit into a line; the elements are on the device: see `read()`. */
  toString(): string {
    const { disposed, dtype, label, requiresGrad, shape } = this;
    const more = disposed ? ", freed" : requiresGrad ? ", requires a gradient" : "";
    return `Tensor "${label}" ${formatShape(shape)} ${dtype}${more}`;
  }

  /** What a console prints, instead of everything that belongs to the device. */
  [INSPECT](): string {
    return this.toString();
  }

  /** Bytes of the elements. */
  get bytes(): number {
    return this.size * elementBytes(this.dtype);
  }

  /** Whether its memory has been freed. */
  get disposed(): boolean {
    return this.#memory === undefined;
  }

  /** The memory, to bind to a kernel. */
  get slice(): BufferSlice {
    return { buffer: this.memory, offset: this.#offset, bytes: this.bytes };
  }

  /** The buffer the elements lie in. */
  get memory(): DeviceBuffer {
    if (this.#memory) return this.#memory;
    throw new Error(
      `Tensor "${this.label}" ${formatShape(this.shape)} was freed by ${this.#freedBy}` +
        (this.#freedBy === "backward()"
          ? "; call keep() on it before, to use it afterwards."
          : "."),
    );
  }

  /** Whether writing to its elements may be seen by other tensors. */
  get shared(): boolean {
    return this.memory.shared && !this.#exclusive;
  }

  /**
   * Integers written from the host, kept there too: they are checked and sorted without waiting.
   * Undefined if something else has written to the memory since.
   */
  get hostInts(): Int32Array | undefined {
    return this.#hostInts?.writes === this.memory.writes ? this.#hostInts.values : undefined;
  }

  set hostInts(values: Int32Array | undefined) {
    this.#hostInts = values && { values, writes: this.memory.writes };
  }

  /** A second handle on the same memory, with its own life, and no gradient. */
  alias(shape: Shape = this.shape): Tensor {
    const alias = new Tensor(
      this.gpu,
      this.memory.retain(),
      { shape, dtype: this.dtype, label: this.label },
      this.#offset,
    );
    alias.hostInts = this.hostInts;
    return alias;
  }

  /** Lets it outlive `backward()` and the scope it was made in. */
  keep(): this {
    this.#kept = true;
    this.gpu.disown(this);
    return this;
  }

  /** Whether {@linkcode keep} was called. */
  get kept(): boolean {
    return this.#kept;
  }

  /**
   * Computes the gradient of this scalar with respect to every leaf that requires one, and adds it
   * to the leaf's `grad`. Consumes the tape: intermediate results are freed on the way.
   *
   * @param upstream gradient of something with respect to this tensor (default 1, for a scalar).
   */
  backward(upstream?: Tensor): void {
    backward(this, upstream);
  }

  /** Forgets the gradient. */
  zeroGrad(): void {
    this.grad?.dispose();
    this.grad = undefined;
  }

  /** The elements, in order. Several tensors are read faster by `gpu.read([a, b, …])`. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    return (await this.gpu.read([this]))[0];
  }

  /** The elements of a tensor of indices. */
  async readInts(): Promise<Int32Array<ArrayBuffer>> {
    if (this.dtype !== "i32") {
      throw new TypeError(`readInts() needs an i32 tensor; "${this.label}" is ${this.dtype}.`);
    }
    return new Int32Array((await this.gpu.readBytes([this]))[0]);
  }

  /** The only element. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(
        `item() needs a tensor of one element; "${this.label}" is ${formatShape(this.shape)}.`,
      );
    }
    return (await this.read())[0];
  }

  /** Frees the memory now. Doing it twice is no error. */
  dispose(by = "dispose()"): void {
    if (!this.#memory) return;
    forgotten.unregister(this);
    this.#memory.release();
    this.#memory = undefined;
    this.#freedBy = by;
    this.gpu.disown(this);
    this.grad?.dispose(by);
    if (by !== "backward()") drop(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
