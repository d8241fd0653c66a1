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
