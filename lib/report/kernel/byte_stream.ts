/** Reads exact numbers of bytes from a stream of chunks, copying each byte at most once. */
export class ByteStream {
  #source: { read(into: Uint8Array): Promise<number | null> };
  #buffer = new Uint8Array(0);

  constructor(source: { read(into: Uint8Array): Promise<number | null> }) {
    this.#source = source;
  }

  /** Returns the next `count` bytes, or null if the stream ended before them. */
  async take(count: number): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#buffer.length >= count) {
      const head = this.#buffer.slice(0, count);
      this.#buffer = this.#buffer.subarray(count);
      return head;
    }
    const result = new Uint8Array(count);
    result.set(this.#buffer);
    let have = this.#buffer.length;
    this.#buffer = new Uint8Array(0);
    while (have < count) {
      const missing = count - have;
      if (missing >= CHUNK) { // straight into its place
        const got = await this.#source.read(result.subarray(have));
        if (got === null) return null;
        have += got;
      } else {
        const chunk = new Uint8Array(CHUNK);
        const got = await this.#source.read(chunk);
        if (got === null) return null;
        result.set(chunk.subarray(0, Math.min(got, missing)), have);
        have += Math.min(got, missing);
        if (got > missing) this.#buffer = chunk.subarray(missing, got);
      }
    }
    return result;
  }
}

const CHUNK = 65536;
