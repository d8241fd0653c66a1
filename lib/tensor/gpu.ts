/** The device with tensors: what people open. */
import { fill } from "../../kernels/fill.ts";
import { elementGrid } from "../../kernels/grid.ts";
import { type Bindable, GpuDevice, type OpenOptions } from "../gpu/device.ts";
import {
  checkShape,
  type DType,
  elementBytes,
  elementCount,
  formatShape,
  ShapeError,
} from "./shape.ts";
import type { Shape } from "./shape.ts";
import { kindOf } from "./kind_of.ts";
import { Tensor } from "./tensor.ts";

/** How a tensor is made. */
export interface TensorOptions {
  requiresGrad?: boolean;
  /** Names it in the memory ledger and in messages. */
  label?: string;
}

/** Owns the tensors made while it is open; see {@linkcode Gpu.scope}. */
export interface Scope extends Disposable {
  /** Takes a tensor out, so that it outlives the scope. */
  keep<T extends Tensor>(tensor: T): T;
}

/**
 * An open GPU: makes tensors, runs kernels, counts memory, measures time.
 *
 * ```ts
 * import { Gpu } from "cutloss";
 * using gpu = await Gpu.open();
 * using x = gpu.tensor([1, 2, 3, 4], [2, 2]);
 * console.log(await x.read(), gpu.memory.live);
 * ```
 */
export class Gpu extends GpuDevice {
  #scopes: Set<Tensor>[] = [];
  /** Blocks of `noGrad()` and `withGrad()` that are open: the innermost says what is recorded. */
  #recording: { on: boolean }[] = [];

  /**
   * Opens the best adapter.
   *
   * @throws {NoAdapterError} if there is none; the message says which driver to install.
   */
  static async open(options: OpenOptions = {}): Promise<Gpu> {
    return new Gpu(await GpuDevice.openRaw(options), options);
  }

  /**
   * A tensor with the given elements: i32 if `data` is an `Int32Array`, f16 if it is a `Float16Array`,
   * and f32 for all other numbers.
   *
   * @param data the elements in order, outermost dimension first.
   * @param shape its product must be `data.length` (default: one dimension).
   * @throws {TypeError} if an element is no number.
   * @throws {ShapeError} if the shape is none, or does not fit the data.
   */
  tensor(
    data: ArrayLike<number>,
    shape: Shape = [data.length],
    options: TensorOptions = {},
  ): Tensor {
    const label = options.label ?? "tensor";
    checkShape(label, shape);
    checkNumbers(label, data);
    if (elementCount(shape) !== data.length) {
      throw new ShapeError(
        `"${label}" was given ${data.length} elements for the shape ${formatShape(shape)}, which ` +
          `has ${elementCount(shape)}.`,
      );
    }
    const dtype: DType = data instanceof Int32Array
      ? "i32"
      : typeof Float16Array !== "undefined" && data instanceof Float16Array
      ? "f16"
      : "f32";
    const tensor = this.empty(shape, { ...options, dtype });
    const asIs = dtype !== "f32" || data instanceof Float32Array;
    this.write(tensor, (asIs ? data : Float32Array.from(data)) as Float32Array<ArrayBuffer>);
    if (data instanceof Int32Array) tensor.hostInts = data.slice();
    return tensor;
  }

  /**
   * Writes host data to the start of a tensor or another slice of memory.
   *
   * @param data elements of a tensor's dtype: a `Float32Array`, an `Int32Array` (or `Uint32Array`), a
   *   `Float16Array`; for a slice, such as `tensor.slice`, bytes of any kind, taken as they are.
   * @throws {TypeError} if a tensor is given elements of another type.
   * @throws {GpuError} if the target has no room for them.
   */
  override write(target: Bindable, data: ArrayBufferView<ArrayBuffer>): void {
    if (target instanceof Tensor) checkElements(target, data);
    // A copy: operations that are on the tape go on with what they saw.
    const ints = target instanceof Tensor ? target.hostInts?.slice() : undefined;
    super.write(target, data);
    if (!(target instanceof Tensor) || !ints) return;
    new Uint8Array(ints.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    target.hostInts = ints;
  }

  /** A tensor whose elements are undefined, for a kernel to write. */
  empty(shape: Shape, options: TensorOptions & { dtype?: DType } = {}): Tensor {
    const { label = "tensor", dtype = "f32", requiresGrad } = options;
    checkShape(label, shape);
    const memory = this.allocate(elementCount(shape) * elementBytes(dtype), label);
    return new Tensor(this, memory, { shape, dtype, label, requiresGrad });
  }

  /** A tensor of zeros. */
  zeros(shape: Shape, options: TensorOptions & { dtype?: DType } = {}): Tensor {
    const tensor = this.empty(shape, options);
    this.clear(tensor.memory);
    return tensor;
  }

  /** An f32 tensor of equal elements. */
  full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
    const tensor = this.empty(shape, options);
    for (const y of this.parts(tensor)) {
      const count = y.bytes / 4;
      this.run(fill(), { y }, { count, value }, elementGrid(count, 256));
    }
    return tensor;
  }

  /** The elements of several tensors (f32 or f16), with one wait for all. */
  async read(tensors: readonly Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
    for (const { dtype, label } of tensors) {
      if (dtype === "i32") {
        throw new TypeError(`read() gives floats, but "${label}" is i32: use readInts().`);
      }
    }
    const parts = await this.readBytes(tensors);
    return parts.map((part, i) =>
      tensors[i].dtype === "f16"
        ? Float32Array.from(new Float16Array(part))
        : new Float32Array(part)
    );
  }

  /**
   * Frees, at the end of the block, every tensor made in it that was not kept:
   *
   * ```ts ignore
   * using scope = gpu.scope();
   * const y = scope.keep(model(x));
   * ```
   *
   * The block should not wait for anything: what others make meanwhile would be the scope's, too.
   */
  scope(): Scope {
    const owned = new Set<Tensor>();
    this.#scopes.push(owned);
    return {
      keep: (tensor) => tensor.keep(),
      [Symbol.dispose]: () => {
        this.#scopes = this.#scopes.filter((scope) => scope !== owned);
        for (const tensor of owned) tensor.dispose("its scope");
      },
    };
  }

  /**
   * No operation is recorded on the tape until the end of the block, which should not wait for anything:
   * what others do meanwhile would not be recorded either.
   */
  noGrad(): Disposable {
    return this.#record(false);
  }

  /** Operations are recorded until the end of the block, also within {@linkcode noGrad}. */
  withGrad(): Disposable {
    return this.#record(true);
  }

  /** Whether operations are recorded for `backward()`. */
  get gradEnabled(): boolean {
    return this.#recording.at(-1)?.on ?? true;
  }

  /** Whether operations are recorded, until the handle is disposed of; a second time changes nothing. */
  #record(on: boolean): Disposable {
    const block = { on };
    this.#recording.push(block);
    return {
      [Symbol.dispose]: () => {
        this.#recording = this.#recording.filter((open) => open !== block);
      },
    };
  }

  /** A new tensor belongs to the innermost scope. */
  adopt(tensor: Tensor): void {
    this.#scopes.at(-1)?.add(tensor);
  }

  /** A tensor was freed or kept. */
  disown(tensor: Tensor): void {
    for (const scope of this.#scopes) scope.delete(tensor);
  }
}

/** Throws unless every element is a number; those of a typed array are all of one type. */
function checkNumbers(label: string, data: ArrayLike<unknown>): void {
  const count = ArrayBuffer.isView(data) ? Math.min(1, data.length) : data.length;
  for (let i = 0; i < count; i++) {
    if (typeof data[i] === "number") continue;
    throw new TypeError(
      `"${label}" was given ${
        kindOf(data[i])
      } as element ${i}; expected numbers, in one flat array.`,
    );
  }
}

/** What a tensor's elements are written from. */
const ARRAYS: Record<DType, readonly string[]> = {
  f32: ["Float32Array"],
  i32: ["Int32Array", "Uint32Array"],
  f16: ["Float16Array"],
};

/** Throws unless host data has the tensor's type of elements: bytes would be taken for others. */
function checkElements({ dtype, label }: Tensor, data: ArrayBufferView): void {
  const allowed = ARRAYS[dtype];
  if (allowed.includes((data as { [Symbol.toStringTag]?: string })?.[Symbol.toStringTag] ?? "")) {
    return;
  }
  throw new TypeError(
    `write() was given ${kindOf(data)} for "${label}" of dtype ${dtype}; expected ${
      allowed[0] === "Int32Array" ? "an" : "a"
    } ${allowed.join(" or ")} (bytes as they are go to its slice).`,
  );
}
