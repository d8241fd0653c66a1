/**
 * Batches of texts of different lengths, each with a class.
 */
import type { BatchPosition } from "./batches.ts";
import { Random } from "./random.ts";

/** A text as token ids, and the number of its class. */
export interface LabelledTokens {
  readonly ids: ArrayLike<number>;
  /** The class, counted from 0; −100 for none. */
  readonly label: number;
}

/** Texts side by side, what a classifier of lib/nn takes. */
export interface TokenBatch {
  /** Token ids, filled up to equal lengths, [B, T]. */
  ids: Int32Array[];
  /** 1 for tokens, 0 for what was filled up, [B, T]. */
  mask: Int32Array[];
  /** Classes, [B]. */
  labels: Int32Array;
}

/** How texts are made equally long. */
export interface PadOptions {
  /** The id that fills up. */
  padId: number;
  /**
   * The length is a multiple of this, so that there are few different ones; a whole number ≥ 1,
   * 8 unless said otherwise.
   */
  multipleOf?: number;
  /**
   * What the length never exceeds, whatever it is a multiple of: a whole number ≥ 1, such as the
   * positions of a model. Without it the longest text is filled up to the next multiple.
   */
  longest?: number;
}

/**
 * Texts side by side, as long as the longest one, rounded up to a multiple of `multipleOf` (8) but
 * not beyond `longest`.
 *
 * @throws RangeError if `multipleOf` or `longest` is no whole number ≥ 1, or a text has more than
 *   `longest` tokens
 */
export function padTokens(
  texts: readonly LabelledTokens[],
  { padId, multipleOf = 8, longest = Infinity }: PadOptions,
): TokenBatch {
  checkPadding(texts, multipleOf, longest);
  const most = texts.reduce((most, { ids }) => Math.max(most, ids.length), 1);
  const length = Math.min(longest, Math.ceil(most / multipleOf) * multipleOf);
  const row = (ids: ArrayLike<number>) => {
    const filled = new Int32Array(length).fill(padId);
    filled.set(ids);
    return filled;
  };
  return {
    ids: texts.map(({ ids }) => row(ids)),
    mask: texts.map(({ ids }) => new Int32Array(length).fill(1, 0, ids.length)),
    labels: Int32Array.from(texts, ({ label }) => label),
  };
}

function checkPadding(
  texts: readonly LabelledTokens[],
  multipleOf: number,
  longest: number,
): void {
  checkWhole("multipleOf", multipleOf);
  if (longest === Infinity) return;
  checkWhole("longest", longest);
  texts.forEach(({ ids }, i) => {
    if (ids.length <= longest) return;
    throw new RangeError(
      `texts must have at most ${longest} tokens, as longest says, but text ${i} had ${ids.length}.`,
    );
  });
}

function checkWhole(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${name} must be a whole number ≥ 1, but was ${value}.`);
  }
}

/** Options of {@linkcode TokenBatches}. */
export interface TokenBatchesOptions extends PadOptions {
  batchSize: number;
  /** The same seed gives the same batches. */
  seed?: number;
  /**
   * Texts of similar length share a batch: each run of this many batches' texts is sorted by length
   * before it is cut (default 16). 1 leaves the order to chance alone.
   */
  sortedTogether?: number;
}

/**
 * An endless source of batches for `train` of lib/train, in a new order in each epoch; a batch is
 * as long as its longest text, rounded up as in {@linkcode padTokens}. Texts that do not fill a last
 * batch wait for another epoch.
 *
 * The order of an epoch depends on the seed and the epoch's number only.
 *
 * ```ts
 * import { TokenBatches } from "cutloss/data/mod.ts";
 *
 * const texts = [{ ids: [2, 7, 3], label: 0 }, { ids: [2, 8, 9, 3], label: 1 }];
 * const batches = new TokenBatches(texts, { batchSize: 2, padId: 0, multipleOf: 1 });
 * console.log(batches.next()); // two rows of four ids
 * ```
 */
export class TokenBatches {
  /** How many batches an epoch has. */
  readonly batchesPerEpoch: number;
  readonly #texts: readonly LabelledTokens[];
  readonly #options:
    & Required<Pick<TokenBatchesOptions, "batchSize" | "sortedTogether">>
    & PadOptions;
  readonly #random: Random;
  #position: BatchPosition = { epoch: 0, batch: 0 };
  #batches: Uint32Array[] | undefined;

  /**
   * @throws RangeError if there are fewer texts than a batch has, if a size is no whole number ≥ 1, or
   *   if a text has more than `longest` tokens
   */
  constructor(
    texts: readonly LabelledTokens[],
    { batchSize, seed = 0, sortedTogether = 16, ...options }: TokenBatchesOptions,
  ) {
    checkWhole("batchSize", batchSize);
    checkWhole("sortedTogether", sortedTogether);
    checkPadding(texts, options.multipleOf ?? 8, options.longest ?? Infinity);
    if (texts.length < batchSize) {
      throw new RangeError(
        `batchSize must not exceed the ${texts.length} texts, but was ${batchSize}.`,
      );
    }
    this.#texts = texts;
    this.#options = { ...options, batchSize, sortedTogether };
    this.#random = new Random(seed).fork("token batches");
    this.batchesPerEpoch = Math.floor(texts.length / batchSize);
  }

  /** Where the next batch comes from. Setting it goes there. */
  get position(): BatchPosition {
    return this.#position;
  }

  set position({ epoch, batch }: BatchPosition) {
    if (!(epoch >= 0 && batch >= 0 && batch < this.batchesPerEpoch)) {
      throw new RangeError(
        `position must be an epoch ≥ 0 and a batch from 0 to ${this.batchesPerEpoch - 1}, but ` +
          `was ${epoch} and ${batch}.`,
      );
    }
    if (epoch !== this.#position.epoch) this.#batches = undefined;
    this.#position = { epoch, batch };
  }

  next(): TokenBatch {
    const { epoch, batch } = this.#position;
    this.#batches ??= this.#batchesOf(epoch);
    const members = this.#batches[batch];
    const last = batch + 1 === this.batchesPerEpoch;
    this.position = last ? { epoch: epoch + 1, batch: 0 } : { epoch, batch: batch + 1 };
    return padTokens(Array.from(members, (i) => this.#texts[i]), this.#options);
  }

  #batchesOf(epoch: number): Uint32Array[] {
    const { batchSize, sortedTogether } = this.#options;
    const random = this.#random.fork(epoch);
    const order = random.shuffle(Uint32Array.from(this.#texts, (_, i) => i));
    const length = (i: number) => this.#texts[i].ids.length;
    if (sortedTogether > 1) {
      for (let start = 0; start < order.length; start += batchSize * sortedTogether) {
        order.subarray(start, start + batchSize * sortedTogether)
          .sort((a, b) => length(a) - length(b));
      }
    }
    const batches = Array.from(
      { length: this.batchesPerEpoch },
      (_, i) => order.slice(i * batchSize, (i + 1) * batchSize),
    );
    return random.shuffle(batches);
  }
}
