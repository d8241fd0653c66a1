/** Dispatches, recorded into as few passes and submits as possible. */
import type { Kernel } from "../../kernels/kernel.ts";
import { GpuError } from "./errors.ts";
import type { Grid } from "./grid.ts";
import type { Pipeline } from "./pipelines.ts";
import type { PassTimer } from "./timer.ts";

/** Bytes between the parameters of two dispatches: WebGPU's alignment of dynamic offsets. */
const SLOT = 256;
/** Dispatches of one batch. More would keep the device waiting for its work. */
const SLOTS = 512;

const UNIFORM = 0x40, COPY_DST = 0x08;

/**
 * Records a batch: one command buffer, unless it is split, and one pass, unless something other than
 * dispatches comes between.
 */
export class Recorder {
  /** Parameters of all dispatches of a batch, one slot each. */
  readonly uniforms: GPUBuffer;
  /** Grows with every submit. */
  batch = 0;

  #encoder: GPUCommandEncoder | undefined;
  #finished: GPUCommandBuffer[] = [];
  #pass: GPUComputePassEncoder | undefined;
  #pipeline: Pipeline | undefined;
  #params = new ArrayBuffer(SLOT * SLOTS);
  #f32 = new Float32Array(this.#params);
  #i32 = new Int32Array(this.#params);
  /** Where each slot lies; as numbers in a typed array they reach the device four times as fast. */
  #offsets = Uint32Array.from({ length: SLOTS }, (_, slot) => slot * SLOT);
  #used = 0;
  #names = new Set<string>();

  constructor(private readonly device: GPUDevice) {
    this.uniforms = device.createBuffer({
      label: "params",
      size: SLOT * SLOTS,
      usage: UNIFORM | COPY_DST,
    });
  }

  /** Whether nothing is recorded. */
  get empty(): boolean {
    return this.#encoder === undefined && this.#finished.length === 0;
  }

  /** Whether it must be submitted before the next dispatch. */
  get full(): boolean {
    return this.#used >= SLOTS;
  }

  dispatch(
    pipeline: Pipeline,
    group: GPUBindGroup,
    params: Readonly<Record<string, number>>,
    grid: Grid,
    timer: PassTimer | undefined,
  ): void {
    const { kernel } = pipeline;
    if (timer?.perDispatch) this.#endPass();
    if (!this.#pass) {
      const timestampWrites = timer?.next(kernel.name);
      this.#pass = this.#encode().beginComputePass({ label: kernel.name, timestampWrites });
    }
    const pass = this.#pass;
    if (this.#pipeline !== pipeline) pass.setPipeline(pipeline.raw), this.#pipeline = pipeline;
    if (kernel.params.length > 0) {
      this.#writeParams(kernel, params);
      pass.setBindGroup(0, group, this.#offsets, this.#used, 1);
    } else {
      pass.setBindGroup(0, group);
    }
    this.#used++;
    this.#names.add(kernel.name);
    if ("indirect" in grid) {
      pass.dispatchWorkgroupsIndirect(grid.indirect.buffer.raw, grid.indirect.offset);
    } else pass.dispatchWorkgroups(grid[0], grid[1] ?? 1, grid[2] ?? 1);
  }

  /** Records something that is no dispatch. */
  encode(record: (encoder: GPUCommandEncoder) => void): void {
    this.#endPass();
    record(this.#encode());
  }

  /**
   * Goes on in another command buffer of the same batch. Within one, implementations of WebGPU put a
   * barrier before each dispatch that writes what an earlier one used, which is nearly every dispatch,
   * since memory is used again; what a command buffer uses for the first time has been waited for at
   * its beginning.
   */
  split(): void {
    this.#endPass();
    if (this.#encoder) this.#finished.push(this.#encoder.finish());
    this.#encoder = undefined;
  }

  /** Submits the batch; returns the names of the kernels in it. */
  submit(): string[] {
    this.split();
    if (this.#finished.length > 0) {
      // One write for the whole batch. The queue keeps its order: the batch before has read its own.
      if (this.#used > 0) {
        this.device.queue.writeBuffer(this.uniforms, 0, this.#params, 0, this.#used * SLOT);
      }
      this.device.queue.submit(this.#finished);
    }
    const names = [...this.#names];
    this.#finished = [];
    this.#used = 0;
    this.#names.clear();
    this.batch++;
    return names;
  }

  #encode(): GPUCommandEncoder {
    return this.#encoder ??= this.device.createCommandEncoder();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = this.#pipeline = undefined;
  }

  #writeParams(kernel: Kernel, params: Readonly<Record<string, number>>): void {
    const at = this.#used * (SLOT / 4);
    for (let i = 0; i < kernel.params.length; i++) {
      const { name, type } = kernel.params[i];
      const value = params[name];
      if (value === undefined || Number.isNaN(value)) {
        throw new GpuError(
          `Kernel "${kernel.name}" was given ${name} = ${value}; expected a number.`,
        );
      }
      if (type === "f32") this.#f32[at + i] = value;
      else this.#i32[at + i] = value;
    }
  }
}
