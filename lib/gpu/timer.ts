/** Time on the device's own clock, by timestamp queries at the borders of compute passes. */

const QUERY_RESOLVE = 0x0200, COPY_SRC = 0x04, COPY_DST = 0x08, MAP_READ = 0x01, READ = 1;

/** What `GpuDevice.time` found. */
export interface Timing<T> {
  result: T;
  /** Milliseconds from the first pass's begin to the last one's end. */
  ms: number;
  /** Whether the device's clock was read; otherwise it is the host's, fences included. */
  byDevice: boolean;
  /** Time of each pass; with `perKernel`, of each dispatch. */
  passes: { name: string; ms: number }[];
}

/** GPU time of one pass. */
export interface PassTime {
  /** The kernel, or the first of several in the pass. */
  name: string;
  /** Nanoseconds on the device's clock. */
  begin: number;
  end: number;
}

/** Collects the begin and end of every pass recorded while it is active. */
export class PassTimer {
  static readonly CAPACITY = 4096;
  #querySet: GPUQuerySet;
  #resolve: GPUBuffer;
  #staging: GPUBuffer;
  #names: string[] = [];

  constructor(private readonly device: GPUDevice, readonly perDispatch: boolean) {
    const bytes = PassTimer.CAPACITY * 8;
    this.#querySet = device.createQuerySet({ type: "timestamp", count: PassTimer.CAPACITY });
    this.#resolve = device.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC });
    this.#staging = device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST });
  }

  /** Where the next pass writes its times; undefined once all slots are taken. */
  next(name: string): GPUComputePassTimestampWrites | undefined {
    const i = this.#names.length * 2;
    if (i >= PassTimer.CAPACITY) return undefined;
    this.#names.push(name);
    return {
      querySet: this.#querySet,
      beginningOfPassWriteIndex: i,
      endOfPassWriteIndex: i + 1,
    };
  }

  /** Reads the times of all passes, which must have been submitted. */
  async read(): Promise<PassTime[]> {
    const count = this.#names.length * 2;
    if (count === 0) return [];
    const encoder = this.device.createCommandEncoder();
    encoder.resolveQuerySet(this.#querySet, 0, count, this.#resolve, 0);
    encoder.copyBufferToBuffer(this.#resolve, 0, this.#staging, 0, count * 8);
    this.device.queue.submit([encoder.finish()]);
    await this.#staging.mapAsync(READ);
    const ticks = new BigUint64Array(this.#staging.getMappedRange(0, count * 8));
    // Relative to the first tick: differences are small, absolute values do not fit a double.
    const base = ticks[0];
    const times = this.#names.map((name, i) => ({
      name,
      begin: Number(ticks[2 * i] - base),
      end: Number(ticks[2 * i + 1] - base),
    }));
    this.#staging.unmap();
    return times;
  }

  /** Frees the queries and buffers. */
  destroy(): void {
    this.#querySet.destroy();
    this.#resolve.destroy();
    this.#staging.destroy();
  }
}
