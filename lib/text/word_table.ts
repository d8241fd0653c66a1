/**
 * A set of words that are slices of larger texts, numbered in the order of their first sight.
 *
 * It is a hash table with open addressing whose keys lie one behind the other in a `Uint16Array`,
 * so that looking a word up makes no string. Both counting words for training and the encoder's
 * cache spend most of their time here.
 */
export class WordTable {
  /** How many different words there are. */
  size = 0;
  /** The UTF-16 units of all words; word `i` is `units[starts[i] … starts[i + 1]]`. */
  units = new Uint16Array(1 << 12);
  /** Where each word starts in `units`, with one more entry for the end. */
  starts = new Int32Array(1 << 9);

  #slots = new Int32Array(1 << 10).fill(-1);
  #hashes = new Int32Array(1 << 9);

  /** The number of the word `text.slice(start, end)`; a new one is `size − 1` after the call. */
  intern(text: string, start: number, end: number): number {
    const length = end - start;
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const word = this.#slots[slot];
      if (word < 0) break;
      if (this.#hashes[word] === hash && this.#isAt(word, text, start, length)) return word;
      slot = (slot + 1) & mask;
    }
    return this.#add(slot, hash, text, start, length);
  }

  /** Word number `word` as a string. */
  word(word: number): string {
    let out = "";
    for (let at = this.starts[word]; at < this.starts[word + 1]; at += 8192) {
      const end = Math.min(at + 8192, this.starts[word + 1]);
      out += String.fromCharCode(...this.units.subarray(at, end));
    }
    return out;
  }

  /** Forgets all words and keeps the memory. */
  clear(): void {
    this.size = 0;
    this.#slots.fill(-1);
  }

  /** Bytes held. */
  get byteLength(): number {
    return this.units.byteLength + this.starts.byteLength + this.#slots.byteLength +
      this.#hashes.byteLength;
  }

  #isAt(word: number, text: string, start: number, length: number): boolean {
    const from = this.starts[word];
    if (this.starts[word + 1] - from !== length) return false;
    for (let i = 0; i < length; i++) {
      if (this.units[from + i] !== text.charCodeAt(start + i)) return false;
    }
    return true;
  }

  #add(slot: number, hash: number, text: string, start: number, length: number): number {
    const word = this.size;
    if (word + 2 > this.starts.length) {
      this.starts = grow(this.starts, word + 2);
      this.#hashes = grow(this.#hashes, word + 2);
    }
    const from = word === 0 ? 0 : this.starts[word];
    if (from + length > this.units.length) this.units = grow(this.units, from + length);
    for (let i = 0; i < length; i++) this.units[from + i] = text.charCodeAt(start + i);
    this.starts[word] = from;
    this.starts[word + 1] = from + length;
    this.#hashes[word] = hash;
    this.#slots[slot] = word;
    this.size++;
    if (this.size * 2 > this.#slots.length) this.#rehash();
    return word;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let word = 0; word < this.size; word++) {
      let slot = this.#hashes[word] & mask;
      while (slots[slot] >= 0) slot = (slot + 1) & mask;
      slots[slot] = word;
    }
    this.#slots = slots;
  }
}

/** A copy of a typed array with room for at least `length` elements, twice as long as before. */
export function grow<A extends Int32Array | Uint32Array | Uint16Array | Uint8Array | Float64Array>(
  array: A,
  length: number,
): A {
  const Constructor = array.constructor as new (length: number) => A;
  const larger = new Constructor(Math.max(length, array.length * 2));
  larger.set(array as never);
  return larger;
}
