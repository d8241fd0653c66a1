/**
 * Batches of a data set, shuffled anew in each epoch, that can be left and resumed.
 */
import { Random } from "./random.ts";

/** Where one is in a run through the data: everything that resuming needs besides the seed. */
export interface BatchPosition {
  /** The current run through all items, counted from 0. */
  readonly epoch: number;
  /** How many batches of this epoch have been given out. */
  readonly batch: number;
}

/** Options of {@linkcode Batches}. */
export interface BatchesOptions {
  batchSize: number;
  /** The same seed gives the same batches. */
  seed?: number;
  /** Whether each epoch has an order of its own; otherwise the items keep theirs. */
  shuffle?: boolean;
  /** Whether a last batch of fewer items is left out. */
  dropLast?: boolean;
  /**
   * How long each item is: items of similar length then share a batch, so that little of it is
   * padding. Each run of `sortedTogether` batches is sorted by length before it is cut.
   */
  lengths?: ArrayLike<number>;
  /** See `lengths` (default 8). */
  sortedTogether?: number;
}

/**
 * An endless sequence of batches of indices.
 *
 * The order of an epoch depends on the seed and the epoch's number only, so a stored
 * {@linkcode BatchPosition} is enough to go on exactly where a run was interrupted.
 *
 * ```ts
 * import { Batches } from "cutloss/data/mod.ts";
 *
 * const batches = new Batches(10, { batchSize: 4, seed: 1 });
 * const first = batches.next(); // four indices below 10
 * const saved = batches.position; // { epoch: 0, batch: 1 }
 * ```
 */
export class Batches {
  /** How many batches an epoch has. */
  readonly batchesPerEpoch: number;
  readonly #count: number;
  readonly #size: number;
  readonly #shuffle: boolean;
  readonly #lengths: ArrayLike<number> | undefined;
  readonly #together: number;
  readonly #random: Random;
  #position: BatchPosition = { epoch: 0, batch: 0 };
  #order: Uint32Array<ArrayBuffer> | undefined;

  /** @param count how many items there are */
  constructor(
    count: number,
    { batchSize, seed = 0, shuffle = true, dropLast = false, lengths, sortedTogether = 8 }:
      BatchesOptions,
  ) {
    for (const [name, value] of Object.entries({ count, batchSize, sortedTogether })) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new RangeError(`${name} must be a whole number ≥ 1, but was ${value}.`);
      }
    }
    this.batchesPerEpoch = dropLast ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
    if (this.batchesPerEpoch === 0) {
      throw new RangeError(
        `With dropLast, batchSize must not exceed the ${count} items, but was ${batchSize}.`,
      );
    }
    if (lengths && lengths.length !== count) {
      throw new RangeError(
        `lengths has ${lengths.length} numbers; expected one for each of ${count}.`,
      );
    }
    this.#lengths = lengths;
    this.#together = sortedTogether;
    this.#count = count;
    this.#size = batchSize;
    this.#shuffle = shuffle;
    this.#random = new Random(seed).fork("batches");
  }

  /** Where the next batch comes from. Setting it goes there. */
  get position(): BatchPosition {
    return this.#position;
  }

  set position({ epoch, batch }: BatchPosition) {
    const valid = Number.isSafeInteger(epoch) && epoch >= 0 && Number.isSafeInteger(batch) &&
      batch >= 0 && batch < this.batchesPerEpoch;
    if (!valid) {
      throw new RangeError(
        `position must be an epoch ≥ 0 and a batch from 0 to ${
          this.batchesPerEpoch - 1
        }, but was ` +
          `${epoch} and ${batch}.`,
      );
    }
    if (epoch !== this.#position.epoch) this.#order = undefined;
    this.#position = { epoch, batch };
  }

  /** The indices of the next batch; after the last one of an epoch, the next epoch begins. */
  next(): Uint32Array<ArrayBuffer> {
    const { epoch, batch } = this.#position;
    this.#order ??= this.#orderOf(epoch);
    const indices = this.#order.slice(batch * this.#size, (batch + 1) * this.#size);
    const last = batch + 1 === this.batchesPerEpoch;
    this.position = last ? { epoch: epoch + 1, batch: 0 } : { epoch, batch: batch + 1 };
    return indices;
  }

  #orderOf(epoch: number): Uint32Array<ArrayBuffer> {
    const order = Uint32Array.from({ length: this.#count }, (_, i) => i);
    if (!this.#shuffle) return order;
    const random = this.#random.fork(epoch);
    random.shuffle(order);
    return this.#lengths ? this.#grouped(order, this.#lengths, random) : order;
  }

  /** Items of similar length side by side, the batches in a random order; a short one stays last. */
  #grouped(
    order: Uint32Array<ArrayBuffer>,
    lengths: ArrayLike<number>,
    random: Random,
  ): Uint32Array<ArrayBuffer> {
    const run = this.#size * this.#together;
    for (let first = 0; first < order.length; first += run) {
      order.subarray(first, first + run).sort((a, b) => lengths[a] - lengths[b]);
    }
    const whole = Math.floor(order.length / this.#size);
    const batches = random.shuffle(Uint32Array.from({ length: whole }, (_, i) => i));
    const grouped = order.slice();
    batches.forEach((from, to) =>
      grouped.set(order.subarray(from * this.#size, (from + 1) * this.#size), to * this.#size)
    );
    return grouped;
  }
}
