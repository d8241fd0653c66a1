/** Who holds how much memory on the device, now and at worst. */

/** What {@linkcode MemoryLedger.measure} found. */
export interface MemoryMeasurement<T> {
  result: T;
  /** Bytes held at the worst moment, above those held at the start. */
  peak: number;
  /** Bytes still held at the end, above those held at the start. */
  kept: number;
}

/**
 * Counts the bytes of buffers in use (`live`), the most there ever were (`peak`), and the bytes the
 * pool has reserved from the driver (`reserved`: live ones and those waiting to be used again).
 * A buffer counts with its real size on the device, a multiple of 256 bytes.
 */
export class MemoryLedger {
  #live = 0;
  #peak = 0;
  #reserved = 0;
  #reservedPeak = 0;
  #labels = new Map<string, number>();
  #marks = new Set<{ peak: number }>();

  /** Bytes in use. */
  get live(): number {
    return this.#live;
  }

  /** Most bytes ever in use at once. */
  get peak(): number {
    return this.#peak;
  }

  /** Bytes reserved from the driver, in use or waiting in the pool. */
  get reserved(): number {
    return this.#reserved;
  }

  /** Most bytes ever reserved at once. */
  get reservedPeak(): number {
    return this.#reservedPeak;
  }

  /** Bytes in use by label, largest first. */
  byLabel(): { label: string; bytes: number }[] {
    return [...this.#labels].map(([label, bytes]) => ({ label, bytes }))
      .sort((a, b) => b.bytes - a.bytes || (a.label < b.label ? -1 : 1));
  }

  /** Runs `fn` (which may be async) and measures the memory it needed above what was in use. */
  measure<T>(fn: () => PromiseLike<T>): Promise<MemoryMeasurement<T>>;
  measure<T>(fn: () => T): MemoryMeasurement<T>;
  measure<T>(
    fn: () => T | PromiseLike<T>,
  ): MemoryMeasurement<T> | Promise<MemoryMeasurement<T>> {
    const start = this.#live, mark = { peak: start };
    this.#marks.add(mark);
    const done = (result: T) => {
      this.#marks.delete(mark);
      return { result, peak: mark.peak - start, kept: this.#live - start };
    };
    let result: T | PromiseLike<T>;
    try {
      result = fn();
    } catch (error) {
      this.#marks.delete(mark);
      throw error;
    }
    if (!isPromise(result)) return done(result);
    return Promise.resolve(result).then(done, (error) => {
      this.#marks.delete(mark);
      throw error;
    });
  }

  /** A buffer came into use. */
  use(label: string, bytes: number): void {
    this.#live += bytes;
    this.#labels.set(label, (this.#labels.get(label) ?? 0) + bytes);
    if (this.#live > this.#peak) this.#peak = this.#live;
    for (const mark of this.#marks) if (this.#live > mark.peak) mark.peak = this.#live;
  }

  /** A buffer went out of use. */
  release(label: string, bytes: number): void {
    this.#live -= bytes;
    const left = (this.#labels.get(label) ?? 0) - bytes;
    if (left > 0) this.#labels.set(label, left);
    else this.#labels.delete(label);
  }

  /** The pool reserved (or with a negative number gave back) memory. */
  reserve(bytes: number): void {
    this.#reserved += bytes;
    if (this.#reserved > this.#reservedPeak) this.#reservedPeak = this.#reserved;
  }
}

function isPromise<T>(x: T | PromiseLike<T>): x is PromiseLike<T> {
  return typeof (x as { then?: unknown } | null)?.then === "function";
}
