/** Device memory: buffers that are counted, shared by reference and used again. */
import { formatBytes, OutOfMemoryError } from "./errors.ts";
import type { MemoryLedger } from "./ledger.ts";

/** Buffer sizes are multiples of this; it is also the alignment of a binding's offset. */
export const ALIGNMENT = 256;

const STORAGE = 0x80, COPY_SRC = 0x04, COPY_DST = 0x08, INDIRECT = 0x100;

/**
 * A piece of device memory with a count of its holders. Freed memory goes back to the pool at
 * once: the queue runs in order, so whoever gets it next writes after all earlier readers.
 */
export class DeviceBuffer {
  /** The batch that used it last, so that a host write knows whether it must wait for a submit. */
  lastBatch: number;
  /** Grows whenever something writes to it, so that the tape sees that what it saved has changed. */
  writes = 0;
  #holders = 1;

  constructor(
    /** Where it came from: of one device. */
    readonly pool: BufferPool,
    readonly raw: GPUBuffer,
    /** Number of the GPU buffer below, which other `DeviceBuffer`s may use after this one. */
    readonly rawId: number,
    /** Size on the device: a multiple of 256, at least what was asked for. */
    readonly bytes: number,
    public label: string,
    private readonly onFree: (buffer: DeviceBuffer) => void,
    lastBatch = -1,
  ) {
    this.lastBatch = lastBatch;
  }

  /** Whether anybody still holds it. */
  get freed(): boolean {
    return this.#holders === 0;
  }

  /** Whether more than one holds it, so that writing to it would be seen by others. */
  get shared(): boolean {
    return this.#holders > 1;
  }

  /** One more holder. */
  retain(): this {
    if (this.#holders === 0) throw new Error(`Buffer "${this.label}" has already been freed.`);
    this.#holders++;
    return this;
  }

  /** One holder less; the last one frees the memory. */
  release(): void {
    if (this.#holders === 0) throw new Error(`Buffer "${this.label}" has already been freed.`);
    if (--this.#holders === 0) this.onFree(this);
  }

  /** All of it, or `bytes` from `offset` (a multiple of 256), to bind to a kernel. */
  slice(offset = 0, bytes: number = this.bytes - offset): BufferSlice {
    return { buffer: this, offset, bytes };
  }
}

/** Part of a buffer, as a kernel sees it. */
export interface BufferSlice {
  buffer: DeviceBuffer;
  /** Bytes from the start, a multiple of 256. */
  offset: number;
  bytes: number;
}

/** A GPU buffer of the pool. */
interface Reserved {
  raw: GPUBuffer;
  id: number;
  bytes: number;
  /** The batch that used it last, under whichever `DeviceBuffer`. */
  lastBatch: number;
}

/** Hands out buffers, takes them back, and uses them again for requests of about their size. */
export class BufferPool {
  /**
   * Free GPU buffers by size, the oldest last, which is taken first: what is taken then depends on which
   * are free, not on the order in which they were freed, so that every step of a training gets the
   * buffers of the step before, and its bind groups are there already.
   */
  #free = new Map<number, Reserved[]>();
  #waiting = 0;
  #count = 0;

  constructor(
    private readonly device: GPUDevice,
    private readonly ledger: MemoryLedger,
    private readonly limits: { maxBufferSize: number; budget: number },
    /** Called before GPU buffers are destroyed: what is recorded with them must be submitted. */
    private readonly beforeTrim: () => void,
  ) {}

  /**
   * A buffer of at least `bytes` bytes, whose content is undefined.
   *
   * @throws {OutOfMemoryError} if it is larger than a buffer may be, or than the budget leaves.
   */
  allocate(bytes: number, label: string): DeviceBuffer {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const { maxBufferSize, budget } = this.limits;
    if (size > maxBufferSize) {
      throw new OutOfMemoryError(
        `"${label}" needs ${formatBytes(bytes)}, but one buffer of this device holds at most ${
          formatBytes(maxBufferSize)
        }.`,
      );
    }
    if (this.ledger.live + size > budget) {
      throw new OutOfMemoryError(
        `"${label}" needs ${formatBytes(bytes)}, but of the memory limit of ${
          formatBytes(budget)
        } already ${formatBytes(this.ledger.live)} are in use (most by ${
          this.ledger.byLabel().slice(0, 3).map((x) => `"${x.label}": ${formatBytes(x.bytes)}`)
            .join(", ") || "nobody"
        }).`,
      );
    }
    const reserved = this.#take(size) ?? this.#create(size, label);
    const { raw, id, bytes: held } = reserved;
    const buffer = new DeviceBuffer(this, raw, id, held, label, (freed) => {
      this.ledger.release(freed.label, freed.bytes);
      reserved.lastBatch = freed.lastBatch;
      this.#put(reserved);
    }, reserved.lastBatch);
    this.ledger.use(label, held);
    return buffer;
  }

  /** Gives all waiting buffers back to the driver. */
  trim(): void {
    this.beforeTrim();
    for (const list of this.#free.values()) {
      for (const { raw, bytes } of list) {
        this.ledger.reserve(-bytes);
        raw.destroy();
      }
    }
    this.#free.clear();
    this.#waiting = 0;
  }

  /** A waiting buffer of this size, or at most one eighth larger. */
  #take(size: number): Reserved | undefined {
    let best = this.#free.get(size)?.length ? size : 0;
    if (best === 0) {
      for (const [s, list] of this.#free) {
        if (list.length > 0 && s > size && s <= size * 1.125 && (best === 0 || s < best)) best = s;
      }
    }
    if (best === 0) return undefined;
    this.#waiting -= best;
    return this.#free.get(best)!.pop();
  }

  #create(size: number, label: string): Reserved {
    // What waits in the pool counts against the budget too: give it back before asking for more.
    if (this.#waiting > 0 && this.ledger.reserved + size > this.limits.budget) this.trim();
    this.ledger.reserve(size);
    const raw = this.device.createBuffer({
      label,
      size,
      usage: STORAGE | COPY_SRC | COPY_DST | INDIRECT,
    });
    return { raw, id: ++this.#count, bytes: size, lastBatch: -1 };
  }

  #put(reserved: Reserved): void {
    const { bytes } = reserved, list = this.#free.get(bytes) ?? [];
    if (list.length === 0) this.#free.set(bytes, list);
    let at = list.length;
    while (at > 0 && list[at - 1].id < reserved.id) at--;
    list.splice(at, 0, reserved);
    this.#waiting += bytes;
  }
}
