import { PairTable } from "./pair_table.ts";

/** Up to this many symbols a word is merged by looking at all its pairs again and again. */
const SHORT = 64;
const NONE = 0x7fffffff;

/**
 * The merges of a byte-pair vocabulary, and how to apply them to one word: always the pair whose
 * merge was learned first, and of several the leftmost.
 */
export class MergeRules {
  readonly #pairs = new PairTable();
  readonly #ranks: number[] = [];
  readonly #results: number[] = [];
  /** Rank of the merge of each symbol of the word with the one after it. */
  readonly #rankAt = new Int32Array(SHORT);
  #previous = new Int32Array(0);
  #next = new Int32Array(0);

  /** Adds the merge with the next rank. If the pair is known, the later rank holds. */
  add(rank: number, left: number, right: number, result: number): void {
    const pair = this.#pairs.intern(left, right);
    this.#ranks[pair] = rank;
    this.#results[pair] = result;
  }

  /**
   * Merges the first `length` entries of `symbols` in place, moving `from` and `to` (where each
   * symbol begins and ends) along, and returns how many are left.
   *
   * Words of up to 64 symbols take the plain way, which is quadratic but has nothing to set up;
   * longer ones a linked list and a heap of positions: n log n for any word.
   */
  apply(symbols: Int32Array, from: Int32Array, to: Int32Array, length: number): number {
    return length <= SHORT
      ? this.#applyShort(symbols, from, to, length)
      : this.#applyLong(symbols, from, to, length);
  }

  #rank(left: number, right: number): number {
    const pair = this.#pairs.find(left, right);
    return pair < 0 ? NONE : this.#ranks[pair];
  }

  #applyShort(symbols: Int32Array, from: Int32Array, to: Int32Array, length: number): number {
    const rankAt = this.#rankAt;
    for (let i = 0; i + 1 < length; i++) rankAt[i] = this.#rank(symbols[i], symbols[i + 1]);
    while (length > 1) {
      let best = NONE, at = 0;
      for (let i = 0; i + 1 < length; i++) {
        if (rankAt[i] < best) {
          best = rankAt[i];
          at = i;
        }
      }
      if (best === NONE) break;
      symbols[at] = this.#results[this.#pairs.find(symbols[at], symbols[at + 1])];
      to[at] = to[at + 1];
      for (let i = at + 2; i < length; i++) {
        symbols[i - 1] = symbols[i];
        from[i - 1] = from[i];
        to[i - 1] = to[i];
        rankAt[i - 2] = rankAt[i - 1];
      }
      length--;
      if (at > 0) rankAt[at - 1] = this.#rank(symbols[at - 1], symbols[at]);
      if (at + 1 < length) rankAt[at] = this.#rank(symbols[at], symbols[at + 1]);
    }
    return length;
  }

  #applyLong(symbols: Int32Array, from: Int32Array, to: Int32Array, length: number): number {
    if (this.#next.length < length) {
      this.#next = new Int32Array(length);
      this.#previous = new Int32Array(length);
    }
    const rankAt = new Int32Array(length);
    const next = this.#next, previous = this.#previous;
    const heap = new RankHeap(length);
    for (let i = 0; i < length; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
      rankAt[i] = i + 1 < length ? this.#rank(symbols[i], symbols[i + 1]) : NONE;
      if (rankAt[i] !== NONE) heap.push(rankAt[i], i);
    }
    const update = (at: number) => {
      rankAt[at] = next[at] < length ? this.#rank(symbols[at], symbols[next[at]]) : NONE;
      if (rankAt[at] !== NONE) heap.push(rankAt[at], at);
    };
    while (heap.pop()) {
      const at = heap.position;
      // An entry is out of date once its symbol was swallowed or its pair has changed.
      if (rankAt[at] !== heap.rank) continue;
      const swallowed = next[at];
      symbols[at] = this.#results[this.#pairs.find(symbols[at], symbols[swallowed])];
      to[at] = to[swallowed];
      rankAt[swallowed] = NONE;
      next[at] = next[swallowed];
      if (next[at] < length) previous[next[at]] = at;
      update(at);
      if (previous[at] >= 0) update(previous[at]);
    }
    let kept = 0;
    for (let at = 0; at < length; at = next[at], kept++) {
      symbols[kept] = symbols[at];
      from[kept] = from[at];
      to[kept] = to[at];
    }
    return kept;
  }
}

/** A heap of (rank, position), smallest first; both packed into one double. */
class RankHeap {
  rank = 0;
  position = 0;
  #keys: Float64Array;
  #size = 0;
  static readonly #STEP = 2 ** 30;

  constructor(capacity: number) {
    this.#keys = new Float64Array(Math.max(16, capacity));
  }

  push(rank: number, position: number): void {
    if (this.#size === this.#keys.length) {
      const keys = new Float64Array(this.#size * 2);
      keys.set(this.#keys);
      this.#keys = keys;
    }
    const keys = this.#keys, key = rank * RankHeap.#STEP + position;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent];
      at = parent;
    }
    keys[at] = key;
  }

  /** Takes the smallest entry into `rank` and `position`; false if there is none. */
  pop(): boolean {
    if (this.#size === 0) return false;
    const keys = this.#keys, top = keys[0], last = keys[--this.#size], size = this.#size;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && keys[child + 1] < keys[child]) child++;
      if (keys[child] >= last) break;
      keys[at] = keys[child];
      at = child;
    }
    keys[at] = last;
    this.rank = Math.floor(top / RankHeap.#STEP);
    this.position = top - this.rank * RankHeap.#STEP;
    return true;
  }
}
