import type { PairTable } from "./pair_table.ts";
import { grow } from "./word_table.ts";

/** A pair that waits to be merged. */
export interface Candidate {
  /** Its number in the pair table. */
  pair: number;
  /** How often it occurred when it was put in. */
  count: number;
  /** First entry of the list of words to visit. */
  list: number;
}

/**
 * A heap of pairs, the one to merge next on top: the highest count, then the smaller left id, then
 * the smaller right id. The fields of a candidate lie in typed arrays beside each other.
 */
export class CandidateHeap {
  #size = 0;
  #counts = new Float64Array(1 << 9);
  #pairs = new Int32Array(1 << 9);
  #lists = new Int32Array(1 << 9);
  readonly #table: PairTable;

  constructor(table: PairTable) {
    this.#table = table;
  }

  get size(): number {
    return this.#size;
  }

  push(pair: number, count: number, list: number): void {
    if (this.#size === this.#pairs.length) {
      this.#counts = grow(this.#counts, this.#size + 1);
      this.#pairs = grow(this.#pairs, this.#size + 1);
      this.#lists = grow(this.#lists, this.#size + 1);
    }
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#comesFirst(count, pair, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, pair, count, list);
  }

  pop(): Candidate | undefined {
    if (this.#size === 0) return undefined;
    const top = { pair: this.#pairs[0], count: this.#counts[0], list: this.#lists[0] };
    const last = --this.#size;
    if (last > 0) this.#sink(this.#pairs[last], this.#counts[last], this.#lists[last]);
    return top;
  }

  #sink(pair: number, count: number, list: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (
        child + 1 < this.#size &&
        this.#comesFirst(this.#counts[child + 1], this.#pairs[child + 1], child)
      ) child++;
      if (this.#comesFirst(count, pair, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, pair, count, list);
  }

  /** Whether a candidate belongs above the one at `at`. */
  #comesFirst(count: number, pair: number, at: number): boolean {
    if (count !== this.#counts[at]) return count > this.#counts[at];
    const other = this.#pairs[at], { left, right } = this.#table;
    if (left[pair] !== left[other]) return left[pair] < left[other];
    return right[pair] < right[other];
  }

  #move(from: number, to: number): void {
    this.#counts[to] = this.#counts[from];
    this.#pairs[to] = this.#pairs[from];
    this.#lists[to] = this.#lists[from];
  }

  #put(at: number, pair: number, count: number, list: number): void {
    this.#counts[at] = count;
    this.#pairs[at] = pair;
    this.#lists[at] = list;
  }
}
