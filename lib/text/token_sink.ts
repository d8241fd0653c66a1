import { grow } from "./word_table.ts";

/** A growing list of tokens: for each an id and the part of the text it stands for. */
export class TokenSink {
  /** How many tokens there are. */
  length = 0;
  ids: Uint32Array;
  /** Start and end of each token, in UTF-16 units, one pair behind the other. */
  offsets: Uint32Array;

  /** @param capacity how many tokens to expect; more are possible */
  constructor(capacity = 64) {
    this.ids = new Uint32Array(capacity);
    this.offsets = new Uint32Array(2 * capacity);
  }

  push(id: number, start: number, end: number): void {
    if (this.length === this.ids.length) this.reserve(1);
    this.ids[this.length] = id;
    this.offsets[2 * this.length] = start;
    this.offsets[2 * this.length + 1] = end;
    this.length++;
  }

  /** Makes room for `count` more tokens. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.ids.length) return;
    this.ids = grow(this.ids, needed);
    this.offsets = grow(this.offsets, 2 * this.ids.length);
  }
}
