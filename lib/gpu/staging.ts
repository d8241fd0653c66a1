/** Reading device memory back to the host, many buffers with one wait. */
import type { BufferSlice } from "./pool.ts";

const MAP_READ = 0x01, COPY_DST = 0x08, READ = 1;

/** A buffer the host can read, and whether it has been mapped by an awaited call before. */
interface Staging {
  raw: GPUBuffer;
  warm: boolean;
}

/**
 * A ring of staging buffers.
 *
 * Awaiting `mapAsync` costs more than ten milliseconds in Deno, whatever the size. But a buffer
 * that was mapped once before can be read there as soon as the call of `mapAsync` returns (the call
 * itself waits for the device). Where that is not so (browsers throw), the promise is awaited.
 */
export class StagingRing {
  #free: Staging[] = [];
  #early = true;

  /** @param most bytes of a staging buffer at most. */
  constructor(private readonly device: GPUDevice, private readonly most: number) {}

  /**
   * Copies the slices to the host: all are as they were when it was called, however many buffers
   * they need.
   *
   * @param submit puts the copies behind all recorded work and submits it.
   * @returns one `ArrayBuffer` a slice.
   */
  async read(
    slices: readonly BufferSlice[],
    submit: (copy: (encoder: GPUCommandEncoder) => void) => void,
  ): Promise<ArrayBuffer[]> {
    const groups: BufferSlice[][] = [[]];
    let filled = 0;
    for (const slice of slices) {
      const bytes = roomOf(slice);
      if (filled > 0 && filled + bytes > this.most) groups.push([]), filled = 0;
      groups.at(-1)!.push(slice);
      filled += bytes;
    }
    return (await Promise.all(groups.map((group) => this.#readGroup(group, submit)))).flat();
  }

  /** Copies slices that have room in one buffer. */
  async #readGroup(
    slices: readonly BufferSlice[],
    submit: (copy: (encoder: GPUCommandEncoder) => void) => void,
  ): Promise<ArrayBuffer[]> {
    const total = slices.reduce((sum, slice) => sum + roomOf(slice), 0);
    const staging = this.#take(Math.max(8, total));
    submit((encoder) => {
      let at = 0;
      for (const slice of slices) {
        const { buffer, offset, bytes } = slice;
        encoder.copyBufferToBuffer(buffer.raw, offset, staging.raw, at, Math.ceil(bytes / 4) * 4);
        at += roomOf(slice);
      }
    });
    const mapped = staging.raw.mapAsync(READ);
    const cut = () => {
      const all = staging.raw.getMappedRange();
      let at = 0;
      return slices.map((slice) => {
        const part = all.slice(at, at + slice.bytes);
        at += roomOf(slice);
        return part;
      });
    };
    if (staging.warm && this.#early) {
      try {
        const parts = cut();
        // A device that is lost meanwhile is reported elsewhere.
        mapped.then(() => this.#put(staging)).catch(() => staging.raw.destroy());
        return parts;
      } catch {
        this.#early = false; // this platform wants the promise to be awaited
      }
    }
    await mapped;
    const parts = cut();
    this.#put(staging);
    return parts;
  }

  #take(bytes: number): Staging {
    const i = this.#free.findIndex(({ raw }) => raw.size >= bytes && raw.size <= 4 * bytes + 4096);
    if (i >= 0) return this.#free.splice(i, 1)[0];
    const raw = this.device.createBuffer({
      label: "staging",
      size: Math.max(bytes, Math.min(Math.ceil(bytes / 256) * 256, this.most)),
      usage: MAP_READ | COPY_DST,
    });
    return { raw, warm: false };
  }

  #put(staging: Staging): void {
    staging.raw.unmap();
    staging.warm = true;
    // A few small ones are worth keeping; large ones would double the memory of a tensor.
    if (staging.raw.size > 1 << 20 || this.#free.length >= 8) staging.raw.destroy();
    else this.#free.push(staging);
  }
}

/** Bytes that a slice takes in a staging buffer, where each begins at a multiple of eight. */
function roomOf({ bytes }: BufferSlice): number {
  return Math.ceil(bytes / 8) * 8;
}
