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

/** What was found for work that gave `result`, from the times of its passes. */
export function timingOf<T>(result: T, passes: readonly PassTime[]): Timing<T> {
  const begin = Math.min(...passes.map((pass) => pass.begin));
  const end = Math.max(...passes.map((pass) => pass.end));
  return {
    result,
    ms: passes.length === 0 ? 0 : (end - begin) / 1e6,
    byDevice: true,
    passes: passes.map(({ name, begin, end }) => ({ name, ms: (end - begin) / 1e6 })),
  };
}

/** Passes whose times one query set holds: WebGPU allows 4096 queries. */
const PASSES = 2048;

/** Collects the begin and end of every pass recorded while it is active. */
export class PassTimer {
  #sets: GPUQuerySet[] = [];
  #buffers: GPUBuffer[] = [];
  #names: string[] = [];

  constructor(private readonly device: GPUDevice, readonly perDispatch: boolean) {}

  /** Where the next pass writes its times. */
  next(name: string): GPUComputePassTimestampWrites {
    const i = this.#names.length % PASSES;
    if (i === 0) {
      this.#sets.push(this.device.createQuerySet({ type: "timestamp", count: 2 * PASSES }));
    }
    this.#names.push(name);
    return {
      querySet: this.#sets.at(-1)!,
      beginningOfPassWriteIndex: 2 * i,
      endOfPassWriteIndex: 2 * i + 1,
    };
  }

  /** Reads the times of all passes, which must have been submitted. */
  async read(): Promise<PassTime[]> {
    const size = this.#names.length * 16;
    if (size === 0) return [];
    const buffer = (usage: number) => {
      const made = this.device.createBuffer({ size, usage });
      this.#buffers.push(made);
      return made;
    };
    const resolved = buffer(QUERY_RESOLVE | COPY_SRC), staging = buffer(MAP_READ | COPY_DST);
    const encoder = this.device.createCommandEncoder();
    this.#sets.forEach((set, i) => {
      const passes = Math.min(PASSES, this.#names.length - i * PASSES);
      encoder.resolveQuerySet(set, 0, 2 * passes, resolved, i * PASSES * 16);
    });
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(READ);
    const ticks = new BigUint64Array(staging.getMappedRange());
    // Relative to the first tick: differences are small, absolute values do not fit a double.
    const base = ticks[0];
    const times = this.#names.map((name, i) => ({
      name,
      begin: Number(ticks[2 * i] - base),
      end: Number(ticks[2 * i + 1] - base),
    }));
    staging.unmap();
    return times;
  }

  /** Frees the queries and buffers. */
  destroy(): void {
    for (const used of [...this.#sets, ...this.#buffers]) used.destroy();
  }
}
