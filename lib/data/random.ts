/**
 * Random numbers that are the same on every machine, forever, for a given seed.
 *
 * The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011): a keyed mixing function applied to a counter. Because there is no state but
 * the counter, a position can be stored and returned to, and streams with different names never
 * meet.
 *
 * ```ts
 * import { Random } from "cutloss/data/mod.ts";
 *
 * const random = new Random(1);
 * const words = random.shuffle(["a", "b", "c"]);
 * const sameEveryTime = new Random(1).fork("validation").float();
 * ```
 */
export class Random {
  readonly #key0: number;
  readonly #key1: number;
  readonly #stream0: number;
  readonly #stream1: number;
  readonly #block = new Uint32Array(4);
  #position = 0;
  #cachedBlock = -1;

  /**
   * @param seed a whole number from 0 to 2⁵³ − 1
   * @param stream 64 bits as two unsigned halves; {@linkcode fork} makes them from names
   */
  constructor(readonly seed: number, stream: readonly [number, number] = [0, 0]) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`seed must be a whole number from 0 to 2^53 - 1, but was ${seed}.`);
    }
    this.#key0 = seed >>> 0;
    this.#key1 = Math.floor(seed / 2 ** 32);
    [this.#stream0, this.#stream1] = stream;
  }

  /** How many 32-bit words have been drawn. Setting it goes to that place in the sequence. */
  get position(): number {
    return this.#position;
  }

  set position(position: number) {
    if (!Number.isSafeInteger(position) || position < 0) {
      throw new RangeError(`position must be a whole number ≥ 0, but was ${position}.`);
    }
    this.#position = position;
  }

  /** An independent generator of the same seed, named so that adding one does not move the others. */
  fork(name: string | number): Random {
    const [a, b] = hash64(`${this.#stream0}/${this.#stream1}/${name}`);
    return new Random(this.seed, [a, b]);
  }

  /** 32 random bits. */
  uint32(): number {
    const block = Math.floor(this.#position / 4);
    if (block !== this.#cachedBlock) {
      this.#block[0] = block >>> 0;
      this.#block[1] = Math.floor(block / 2 ** 32);
      this.#block[2] = this.#stream0;
      this.#block[3] = this.#stream1;
      philox4x32(this.#block, this.#key0, this.#key1);
      this.#cachedBlock = block;
    }
    return this.#block[this.#position++ % 4];
  }

  /** Uniform in [0, 1), a multiple of 2⁻³². */
  float(): number {
    return this.uint32() / 2 ** 32;
  }

  /** A whole number from 0 to `n` − 1, each exactly as likely. */
  below(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1 || n > 2 ** 32) {
      throw new RangeError(`n must be a whole number from 1 to 2^32, but was ${n}.`);
    }
    // Words above the largest multiple of n are thrown away: they would favour small numbers.
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const word = this.uint32();
      if (word < limit) return word % n;
    }
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** One element, each as likely. */
  pick<T>(items: ArrayLike<T>): T {
    return items[this.below(items.length)];
  }

  /** The index of one of `weights`, as likely as its share of their sum. */
  weighted(weights: ArrayLike<number>): number {
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += weights[i];
    let left = this.float() * sum;
    for (let i = 0; i < weights.length; i++) {
      left -= weights[i];
      if (left < 0) return i;
    }
    throw new RangeError(`weights must have a positive sum, but had ${sum}.`);
  }

  /** A standard normal number (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.float()));
    return radius * Math.cos(2 * Math.PI * this.float());
  }

  /** Shuffles in place (Fisher and Yates) and returns what it was given. */
  shuffle<Items extends { length: number; [index: number]: unknown }>(items: Items): Items {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = items[i];
      items[i] = items[j];
      items[j] = kept;
    }
    return items;
  }

  /** `count` different elements in random order. */
  sample<T>(items: readonly T[], count: number): T[] {
    if (count > items.length) {
      throw new RangeError(`Cannot draw ${count} different items out of ${items.length}.`);
    }
    const copy = items.slice();
    for (let i = 0; i < count; i++) {
      const j = this.between(i, copy.length - 1);
      [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy.slice(0, count);
  }
}

/**
 * Ten rounds of Philox4x32 on `counter`, in place.
 *
 * @param counter four 32-bit words
 */
export function philox4x32(counter: Uint32Array, key0: number, key1: number): void {
  let [c0, c1, c2, c3] = counter;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 = (key0 + 0x9e3779b9) | 0;
    key1 = (key1 + 0xbb67ae85) | 0;
  }
  counter[0] = c0;
  counter[1] = c1;
  counter[2] = c2;
  counter[3] = c3;
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff, aHigh = a >>> 16;
  const bLow = b & 0xffff, bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const middle2 = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(middle2 / 65536)) | 0;
}

/** 64 bits of a string, as two unsigned halves: FNV-1a over its UTF-16 units, finished by Philox. */
export function hash64(text: string): [number, number] {
  let hash = 0x811c9dc5;
  let other = 0x9dc5811c;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    other = Math.imul(other + text.charCodeAt(i), 0x01000193) ^ (hash >>> 15);
  }
  const block = new Uint32Array([hash, other, text.length, 0]);
  philox4x32(block, 0, 0);
  return [block[0], block[1]];
}
