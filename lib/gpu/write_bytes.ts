import { GpuError } from "./errors.ts";
import type { BufferSlice } from "./pool.ts";

/** Bytes of one call: browsers copy what they are given, all of a call at once. */
const MOST_BYTES = 2 ** 28;

/** Writes host data into a buffer, also such whose length is no multiple of four. */
export function writeBytes(
  queue: GPUQueue,
  buffer: GPUBuffer,
  offset: number,
  data: ArrayBufferView<ArrayBuffer>,
): void {
  const whole = data.byteLength - (data.byteLength % 4);
  for (let at = 0; at < whole; at += MOST_BYTES) {
    const bytes = Math.min(MOST_BYTES, whole - at);
    queue.writeBuffer(buffer, offset + at, data.buffer, data.byteOffset + at, bytes);
  }
  if (whole === data.byteLength) return;
  const rest = new Uint8Array(4); // the queue writes in units of four bytes
  rest.set(new Uint8Array(data.buffer, data.byteOffset + whole, data.byteLength - whole));
  queue.writeBuffer(buffer, offset + whole, rest);
}

/**
 * `bytes` rounded up to whole fours, in which devices write; every slice has room for that.
 *
 * @param doing what is done to the slice, for the message.
 * @throws {GpuError} if what follows in the slice would change with them.
 */
export function wholeFours(doing: string, bytes: number, target: BufferSlice): number {
  if (bytes % 4 !== 0 && bytes < target.bytes) {
    throw new GpuError(
      `${doing} ${bytes} of the ${target.bytes} bytes of "${target.buffer.label}" would change what ` +
        `follows them, since devices write four at a time; expected a multiple of 4, or all.`,
    );
  }
  return Math.ceil(bytes / 4) * 4;
}
