/** The device: memory, kernels, reading back, time, and errors that are not lost. */
import type { Kernel } from "../../kernels/kernel.ts";
import { type AdapterDescription, openDevice, type OpenedDevice } from "./adapter.ts";
import { type Bindable, toSlice } from "./bindable.ts";
import { formatBytes, GpuError } from "./errors.ts";
import { Failures } from "./failures.ts";
import { checkGrid, type Grid } from "./grid.ts";
import { MemoryLedger } from "./ledger.ts";
import type { OpenOptions } from "./open_options.ts";
import { type Pipeline, PipelineCache } from "./pipelines.ts";
import { BufferPool, type BufferSlice, type DeviceBuffer } from "./pool.ts";
import { Recorder } from "./recorder.ts";
import { StagingRing } from "./staging.ts";
import { type PassTime, PassTimer, type Timing, timingOf } from "./timer.ts";
import { Tuning } from "./tuning.ts";
import { wholeFours, writeBytes } from "./write_bytes.ts";

export { type Bindable, type Grid, type OpenOptions, type Timing, toSlice };

/**
 * Operations that take an NVIDIA H200 about as long as the host takes for one more command buffer: 50 µs.
 */
const WORTH_A_COMMAND_BUFFER = 2e9;

/** An open WebGPU device. Most people want its subclass `Gpu`, which has tensors. */
export class GpuDevice implements Disposable {
  readonly raw: GPUDevice;
  readonly adapter: AdapterDescription;
  /** Optional features in use. */
  readonly features: ReadonlySet<string>;
  /** Optional features that the adapter refused. */
  readonly refusedFeatures: readonly string[];
  /** The device's limits, raised to the adapter's. */
  readonly limits: GPUSupportedLimits;
  readonly memory: MemoryLedger = new MemoryLedger();
  /** Which variants of kernels are used here. */
  readonly tuning: Tuning;

  #pool: BufferPool;
  #pipelines: PipelineCache;
  #recorder: Recorder;
  #staging: StagingRing;
  #timer: PassTimer | undefined;
  #failures: Failures;
  #bindingLimit: number;
  // Asked for once: every look at a limit leaves JavaScript.
  #mostWorkgroups: number;

  protected constructor(opened: OpenedDevice, options: OpenOptions) {
    this.raw = opened.device;
    this.adapter = opened.adapter;
    this.features = opened.features;
    this.refusedFeatures = opened.refused;
    this.limits = opened.device.limits;
    this.#bindingLimit = Math.min(
      this.limits.maxStorageBufferBindingSize,
      options.maxBinding ?? Infinity,
    );
    this.#mostWorkgroups = this.limits.maxComputeWorkgroupsPerDimension;
    this.tuning = new Tuning(this, { enabled: options.autotune, store: options.tuningStore });
    this.#pipelines = new PipelineCache(this.raw);
    this.#recorder = new Recorder(this.raw);
    this.#staging = new StagingRing(this.raw, this.limits.maxBufferSize);
    this.#pool = new BufferPool(this.raw, this.memory, {
      maxBufferSize: this.limits.maxBufferSize,
      budget: options.memoryLimit ?? Infinity,
    }, () => {
      this.flush();
      this.#pipelines.forgetBindGroups();
    });
    this.#failures = new Failures(this.raw, this.memory);
  }

  /** Opens the best adapter's device. */
  protected static openRaw(options: OpenOptions): Promise<OpenedDevice> {
    return openDevice(options.powerPreference);
  }

  /** Whether timestamps are read from the device's clock. */
  get hasTimestamps(): boolean {
    return this.features.has("timestamp-query");
  }

  /** Bytes that one binding may cover; larger buffers are bound in parts. */
  get maxBinding(): number {
    return Math.floor(this.#bindingLimit / 256) * 256;
  }

  /**
   * A buffer of at least `bytes` bytes with undefined content, to be released by the caller.
   *
   * @throws {OutOfMemoryError} if it is too large, naming `label`, the sizes and who holds memory.
   */
  allocate(bytes: number, label: string): DeviceBuffer {
    this.throwIfFailed();
    return this.#pool.allocate(bytes, label);
  }

  /** Writes host data to the start of a slice. */
  write(target: Bindable, data: ArrayBufferView<ArrayBuffer>): void {
    this.throwIfFailed();
    const slice = this.#slice(target, "write() was given the target");
    const { buffer, offset, bytes } = slice;
    if (data.byteLength > bytes) {
      throw new GpuError(
        `Writing ${data.byteLength} bytes to "${buffer.label}", which has room for ${bytes}.`,
      );
    }
    wholeFours("Writing", data.byteLength, slice);
    buffer.writes++;
    // The queue writes before whatever is submitted later, so earlier readers must be submitted.
    if (buffer.lastBatch === this.#recorder.batch) this.flush();
    writeBytes(this.raw.queue, buffer.raw, offset, data);
  }

  /**
   * Records one dispatch of a kernel.
   *
   * @param bindings by the kernel's names; every one must be given.
   * @param params by the kernel's names.
   * @param grid workgroups in x, y, z, or a slice with three u32 for an indirect dispatch.
   */
  run(
    kernel: Kernel,
    bindings: Readonly<Record<string, Bindable>>,
    params: Readonly<Record<string, number>>,
    grid: Grid,
  ): void {
    this.throwIfFailed();
    if (!checkGrid(kernel.name, grid, this.#mostWorkgroups)) return;
    const slices = this.#slices(kernel, bindings);
    const pipeline = this.#pipeline(kernel);
    if (this.#recorder.full) this.flush();
    const group = this.#pipelines.bindGroup(pipeline, slices, this.#recorder.uniforms);
    slices.forEach(({ buffer }, i) => {
      buffer.lastBatch = this.#recorder.batch;
      if (kernel.bindings[i].access === "write") buffer.writes++;
    });
    if ("indirect" in grid) grid.indirect.buffer.lastBatch = this.#recorder.batch;
    this.#recorder.dispatch(pipeline, group, params, grid, this.#timer);
  }

  /**
   * Records dispatches that do not depend on each other, so that the device may run them at the same
   * time: one then fills processors that the end of another leaves idle.
   *
   * @param operations floating-point operations in all, about. Few are recorded as usual.
   */
  concurrently<T>(operations: number, record: () => T): T {
    if (operations >= WORTH_A_COMMAND_BUFFER) this.#recorder.split();
    return record();
  }

  /**
   * Compiles a kernel before its first use.
   *
   * @throws {GpuError} if it is refused; the device can still be used, unlike after {@linkcode run}.
   */
  async compile(kernel: Kernel): Promise<void> {
    this.throwIfFailed();
    if (this.#pipelines.get(kernel)) return;
    const { errors } = this.#compileWithin(kernel, "internal", "validation");
    for (const error of await this.#failures.guard(Promise.all(errors))) {
      if (!error) continue;
      this.#pipelines.forget(kernel);
      throw new GpuError(`Kernel "${kernel.name}" was refused by the device: ${error.message}`);
    }
  }

  /** A slice in parts that a kernel can bind, for operations on elements: mostly itself alone. */
  parts(bound: Bindable): BufferSlice[] {
    const { buffer, offset, bytes } = toSlice(bound);
    const parts: BufferSlice[] = [];
    for (let at = 0; at < bytes; at += this.maxBinding) {
      parts.push({ buffer, offset: offset + at, bytes: Math.min(this.maxBinding, bytes - at) });
    }
    return parts;
  }

  /** Copies `bytes` bytes between two slices. */
  copy(from: Bindable, to: Bindable, bytes: number): void {
    this.throwIfFailed();
    const a = this.#slice(from, "copy() was given the source");
    const b = this.#slice(to, "copy() was given the target");
    if (bytes > a.bytes || bytes > b.bytes) {
      throw new GpuError(
        `Copying ${bytes} bytes from "${a.buffer.label}", which has ${a.bytes}, to ` +
          `"${b.buffer.label}", which has room for ${b.bytes}.`,
      );
    }
    if (a.buffer.raw === b.buffer.raw) {
      throw new GpuError(
        `copy() was given a source and a target that both lie in "${a.buffer.label}"; expected two ` +
          `buffers, or a detour through a third one.`,
      );
    }
    const whole = wholeFours("Copying to", bytes, b);
    a.buffer.lastBatch = b.buffer.lastBatch = this.#recorder.batch;
    b.buffer.writes++;
    this.#recorder.encode((encoder) =>
      encoder.copyBufferToBuffer(a.buffer.raw, a.offset, b.buffer.raw, b.offset, whole)
    );
  }

  /** Fills a slice with zero bytes. */
  clear(target: Bindable): void {
    this.throwIfFailed();
    const slice = this.#slice(target, "clear() was given the target");
    const { buffer, offset } = slice, whole = wholeFours("Clearing", slice.bytes, slice);
    buffer.lastBatch = this.#recorder.batch;
    buffer.writes++;
    this.#recorder.encode((encoder) => encoder.clearBuffer(buffer.raw, offset, whole));
  }

  /** Submits what is recorded. Needed only to start work early. */
  flush(): void {
    if (this.#recorder.empty) return;
    this.#failures.submitted(this.#recorder.submit());
  }

  /** Waits until all recorded work is done; throws what went wrong in it. */
  async sync(): Promise<void> {
    this.throwIfFailed();
    this.flush();
    await this.#failures.guard(this.raw.queue.onSubmittedWorkDone());
    await this.#failures.settle();
  }

  /**
   * Copies device memory to the host, all slices with one wait.
   *
   * @throws what went wrong in any work recorded so far: never returns the zeros of failed work.
   */
  async readBytes(sources: readonly Bindable[]): Promise<ArrayBuffer[]> {
    this.throwIfFailed();
    const slices = sources.map((source) => this.#slice(source, "readBytes() was given the source"));
    const reading = this.#staging.read(slices, (copy) => {
      this.#recorder.encode(copy);
      this.flush();
    });
    reading.catch(() => {});
    await this.#failures.settle();
    return await this.#failures.guard(reading);
  }

  /**
   * Runs `fn` and measures the device's time for what it records.
   *
   * @param perKernel gives every dispatch its own pass, to see where time goes (a little slower).
   */
  async time<T>(
    fn: () => T | PromiseLike<T>,
    { perKernel = false }: { perKernel?: boolean } = {},
  ): Promise<Timing<T>> {
    this.flush();
    if (!this.hasTimestamps) {
      await this.sync();
      const start = performance.now();
      const result = await fn();
      await this.sync();
      const ms = performance.now() - start;
      return { result, ms, byDevice: false, passes: [{ name: "all", ms }] };
    }
    if (this.#timer) throw new GpuError("time() cannot be called inside time().");
    const timer = this.#timer = new PassTimer(this.raw, perKernel);
    let result: T, passes: PassTime[];
    try {
      result = await fn();
      this.flush();
      this.#timer = undefined;
      passes = await this.#failures.guard(timer.read());
      await this.#failures.settle();
    } finally {
      this.#timer = undefined;
      timer.destroy();
    }
    return timingOf(result, passes);
  }

  /** Gives unused memory back to the driver. */
  trim(): void {
    this.#pool.trim();
  }

  /** Throws the first error the device reported, if there was one. */
  throwIfFailed(): void {
    this.#failures.throwIfAny();
  }

  /** Closes the device and frees all its memory. */
  close(): void {
    if (this.#failures.closed) return;
    this.#failures.closed = true;
    this.raw.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The slice of something bindable, which must be of this device. */
  #slice(bound: Bindable, who: string): BufferSlice {
    const slice = toSlice(bound, who);
    if (slice.buffer.pool === this.#pool) return slice;
    throw new GpuError(`${who} "${slice.buffer.label}", which belongs to another Gpu.`);
  }

  /** What a kernel is given, in the order of its bindings. */
  #slices(kernel: Kernel, bindings: Readonly<Record<string, Bindable>>): BufferSlice[] {
    return kernel.bindings.map(({ name }) => {
      const bound = bindings[name];
      if (bound === undefined) {
        throw new GpuError(`Kernel "${kernel.name}" was not given its binding "${name}".`);
      }
      const slice = this.#slice(bound, `Kernel "${kernel.name}" was given "${name}"`);
      if (slice.bytes > this.#bindingLimit) {
        throw new GpuError(
          `Kernel "${kernel.name}" was given "${name}" of ${formatBytes(slice.bytes)}, but a ` +
            `binding of this device covers at most ${formatBytes(this.#bindingLimit)}.`,
        );
      }
      return slice;
    });
  }

  #pipeline(kernel: Kernel): Pipeline {
    const known = this.#pipelines.get(kernel);
    if (known) return known;
    const { pipeline, errors } = this.#compileWithin(kernel, "validation");
    this.#failures.watch(
      errors[0],
      (message) => new GpuError(`Kernel "${kernel.name}" was refused by the device: ${message}`),
    );
    return pipeline;
  }

  /** Compiles a kernel within error scopes, which are closed whatever happens. */
  #compileWithin(kernel: Kernel, ...scopes: GPUErrorFilter[]) {
    for (const scope of scopes) this.raw.pushErrorScope(scope);
    const closed = () => scopes.map(() => this.raw.popErrorScope());
    try {
      return { pipeline: this.#pipelines.compile(kernel), errors: closed() };
    } catch (error) {
      for (const each of closed()) each.catch(() => {}); // refused before the device saw it
      throw error;
    }
  }
}
