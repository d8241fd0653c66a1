/**
 * Numbers pairs of token ids 0, 1, 2 … in the order of their first sight: a hash table with open
 * addressing, so that no key is ever made into a string or a boxed number.
 */
import { grow } from "./word_table.ts";

export class PairTable {
  /** How many different pairs there are. */
  size = 0;
  /** The left token of each pair. */
  left = new Int32Array(1 << 9);
  /** The right token of each pair. */
  right = new Int32Array(1 << 9);

  #slots = new Int32Array(1 << 10).fill(-1);

  /** The number of the pair, or −1 if it has never been seen. */
  find(left: number, right: number): number {
    const slots = this.#slots, mask = slots.length - 1;
    let slot = hashPair(left, right) & mask;
    for (;;) {
      const pair = slots[slot];
      if (pair < 0 || (this.left[pair] === left && this.right[pair] === right)) return pair;
      slot = (slot + 1) & mask;
    }
  }

  /** The number of the pair; a new one is `size − 1` after the call. */
  intern(left: number, right: number): number {
    const found = this.find(left, right);
    if (found >= 0) return found;
    const pair = this.size++;
    if (this.size > this.left.length) {
      this.left = grow(this.left, this.size);
      this.right = grow(this.right, this.size);
    }
    this.left[pair] = left;
    this.right[pair] = right;
    if (this.size * 2 > this.#slots.length) this.#slots = this.#rehashed();
    else place(this.#slots, pair, left, right);
    return pair;
  }

  #rehashed(): Int32Array<ArrayBuffer> {
    const slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (let pair = 0; pair < this.size; pair++) {
      place(slots, pair, this.left[pair], this.right[pair]);
    }
    return slots;
  }
}

function place(slots: Int32Array, pair: number, left: number, right: number): void {
  const mask = slots.length - 1;
  let slot = hashPair(left, right) & mask;
  while (slots[slot] >= 0) slot = (slot + 1) & mask;
  slots[slot] = pair;
}

function hashPair(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 0x7f4a7c15, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
