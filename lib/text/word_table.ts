import { textOf } from "./units.ts";

/** Another one in each process, so that no text can be written to make all words collide. */
const HASH_SEED = crypto.getRandomValues(new Int32Array(1))[0];

/**
 * A set of words that are parts of larger texts, numbered in the order of their first sight.
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

  /** Slot `i` holds a word's number, or −1, at `2i`, and its hash at `2i + 1`. */
  #slots = new Int32Array(1 << 11).fill(-1);

  /** The number of the word `text[start … end]`; a new one is `size − 1` after the call. */
  intern(text: Uint16Array, start: number, end: number): number {
    const length = end - start;
    let hash = length ^ HASH_SEED;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text[i], 0x01000193);
    hash ^= hash >>> 15;
    const slots = this.#slots, starts = this.starts, units = this.units;
    const mask = slots.length - 1;
    let slot = 2 * hash & mask;
    for (; slots[slot] >= 0; slot = slot + 2 & mask) {
      if (slots[slot + 1] !== hash) continue;
      const word = slots[slot], from = starts[word];
      if (starts[word + 1] - from !== length) continue;
      let same = 0;
      while (same < length && units[from + same] === text[start + same]) same++;
      if (same === length) return word;
    }
    return this.#add(slot, hash, text, start, end);
  }

  /** Word number `word` as a string. */
  word(word: number): string {
    return textOf(this.units, this.starts[word], this.starts[word + 1]);
  }

  /** Forgets all words and keeps the memory. */
  clear(): void {
    this.size = 0;
    this.#slots.fill(-1);
  }

  #add(slot: number, hash: number, text: Uint16Array, start: number, end: number): number {
    const word = this.size++;
    if (word + 2 > this.starts.length) this.starts = grow(this.starts, word + 2);
    const from = word === 0 ? 0 : this.starts[word], to = from + end - start;
    if (to > this.units.length) this.units = grow(this.units, to);
    this.units.set(text.subarray(start, end), from);
    this.starts[word] = from;
    this.starts[word + 1] = to;
    this.#slots[slot] = word;
    this.#slots[slot + 1] = hash;
    if (this.size * 4 > this.#slots.length) this.#rehash();
    return word;
  }

  #rehash(): void {
    const before = this.#slots;
    const slots = new Int32Array(before.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let i = 0; i < before.length; i += 2) {
      if (before[i] < 0) continue;
      let slot = 2 * before[i + 1] & mask;
      while (slots[slot] >= 0) slot = slot + 2 & mask;
      slots[slot] = before[i];
      slots[slot + 1] = before[i + 1];
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
