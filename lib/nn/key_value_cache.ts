import { cacheAppend } from "../../kernels/cache_append.ts";
import { gatherRows } from "../../kernels/gather_rows.ts";
import { elementGrid } from "../../kernels/grid.ts";
import * as ops from "../ops/mod.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { formatShape, type Shape, ShapeError } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Rows, toRows } from "./inputs.ts";

/** Sizes of a cache. */
export interface CacheSizes {
  batch: number;
  /** Most tokens of a sequence. */
  capacity: number;
  layers: number;
  heads: number;
  /** Width of keys and values, all heads together. */
  width: number;
}

/** One call of the model: its positions, and attention that reads and extends the cache. */
export interface CacheStep extends Disposable {
  /** i32 [B, T]: places of the new tokens in their text, padding on the left not counted. */
  positions: Tensor;
  /** From queries, keys and values side by side, [B, T, 3·D], to [B, T, D]. */
  attend: (qkv: Tensor, layer: number) => Tensor;
}

/**
 * Keys and values of the tokens that a model has seen, so that the next token costs one pass over
 * one token. Sequences may have padding on the left, which no token attends to.
 */
export class KeyValueCache implements Disposable {
  #layers: { keys: Tensor; values: Tensor }[];
  #length = 0;
  /** For every place in the cache whether a token is there, [B, capacity]. */
  #mask: Int32Array<ArrayBuffer>;

  /**
   * @param mask of the first ids that will be given: 0 for padding, which is on the left.
   * @throws {ShapeError | RangeError} if mask does not fit, or has padding elsewhere.
   */
  constructor(readonly gpu: Gpu, readonly sizes: CacheSizes, mask?: Rows) {
    const { batch, capacity, layers, width } = sizes;
    this.#mask = new Int32Array(batch * capacity).fill(1);
    if (mask) this.#setMask(mask);
    const make = () => gpu.zeros([batch, capacity, width], { label: "keys and values" }).keep();
    this.#layers = Array.from({ length: layers }, () => ({ keys: make(), values: make() }));
  }

  #setMask(mask: Rows): void {
    const { gpu, sizes: { batch, capacity } } = this;
    using rows = toRows(gpu, "mask", mask);
    const [count, time] = rows.shape;
    if (count !== batch || time > capacity) {
      throw new ShapeError(
        `mask has the shape ${formatShape(rows.shape)}; expected ${batch} rows of at most ` +
          `${capacity}.`,
      );
    }
    for (let b = 0; b < batch; b++) {
      const row = rows.hostInts!.subarray(b * time, (b + 1) * time);
      const first = row.findIndex((flag) => flag !== 0);
      if (first < 0 || row.subarray(first).includes(0)) {
        throw new RangeError(
          `mask[${b}] is [${row.join(", ")}]; expected padding (0) on the left and at least one ` +
            `token (1).`,
        );
      }
      this.#mask.set(row, b * capacity);
    }
  }

  /** Tokens of each sequence that are in the cache, padding included. */
  get length(): number {
    return this.#length;
  }

  /** Called by a model that is about to extend the cache by ids of this shape. */
  begin(shape: Shape): CacheStep {
    const { gpu } = this;
    const { batch, capacity, heads, width } = this.sizes;
    const [rows, time] = shape, at = this.#length;
    if (rows !== batch || at + time > capacity || (at > 0 && time !== 1)) {
      throw new ShapeError(
        `ids has the shape ${formatShape(shape)}; a cache of ${batch} sequences with ${at} of at ` +
          `most ${capacity} tokens expects [${batch}, ${at > 0 ? 1 : `1 … ${capacity}`}].`,
      );
    }
    const flags = new Int32Array(batch * capacity), places = new Int32Array(batch * time);
    for (let b = 0; b < batch; b++) {
      let place = -1;
      for (let t = 0; t < at + time; t++) {
        flags[b * capacity + t] = this.#mask[b * capacity + t];
        place += this.#mask[b * capacity + t];
        if (t >= at) places[b * time + t - at] = Math.max(0, place);
      }
    }
    const positions = gpu.tensor(places, [batch, time], { label: "positions" });
    const masks = at > 0 ? gpu.tensor(flags, [batch, capacity], { label: "mask" }) : gpu.tensor(
      Int32Array.from(
        { length: batch * time },
        (_, i) => flags[Math.floor(i / time) * capacity + i % time],
      ),
      [batch, time],
      { label: "mask" },
    );
    this.#length += time;
    const attend = (qkv: Tensor, layer: number) => {
      const { keys, values } = this.#layers[layer];
      using q = gpu.empty([batch, time, width], { label: "queries" });
      const params = { count: q.size, time, width, capacity, at };
      gpu.run(cacheAppend(), { qkv, q, keys, values }, params, elementGrid(q.size, 256));
      if (at === 0) return ops.attentionPacked(qkv, { heads, causal: true, keyMask: masks });
      const byHead = (x: Tensor) => x.alias([batch, x.shape[1], heads, width / heads]);
      using queries = byHead(q);
      using allKeys = byHead(keys);
      using allValues = byHead(values);
      using y = ops.attention(queries, allKeys, allValues, { keyMask: masks });
      return y.alias([batch, time, width]);
    };
    return {
      positions,
      attend,
      [Symbol.dispose]: () => {
        positions.dispose();
        masks.dispose();
      },
    };
  }

  /**
   * Sequence b becomes what sequence rows[b] was, as beam search needs.
   *
   * @throws {RangeError} unless rows has one sequence of the cache for each.
   */
  reorder(rows: readonly number[]): void {
    const count = this.sizes.batch;
    const isRow = (row: number) => Number.isInteger(row) && row >= 0 && row < count;
    if (rows.length !== count || !rows.every(isRow)) {
      throw new RangeError(
        `rows is [${rows.join(", ")}]; expected ${count} numbers from 0 to ${count - 1}.`,
      );
    }
    if (rows.every((row, b) => row === b)) return;
    const { gpu } = this;
    const { batch, capacity, width } = this.sizes;
    using order = gpu.tensor(Int32Array.from(rows), [batch], { label: "order" });
    const size = capacity * width;
    const pick = (x: Tensor) => {
      const y = gpu.empty(x.shape, { label: x.label }).keep();
      const params = { rowCount: batch, first: 0, width: size };
      gpu.run(
        gatherRows({ scatter: false }),
        { x, rows: order, y },
        params,
        elementGrid(
          batch * size,
          256,
        ),
      );
      x.dispose();
      return y;
    };
    this.#layers = this.#layers.map(({ keys, values }) => ({
      keys: pick(keys),
      values: pick(values),
    }));
    const before = this.#mask.slice();
    rows.forEach((row, b) =>
      this.#mask.set(before.subarray(row * capacity, (row + 1) * capacity), b * capacity)
    );
  }

  /** Frees keys and values. */
  [Symbol.dispose](): void {
    for (const { keys, values } of this.#layers) {
      keys.dispose();
      values.dispose();
    }
  }
}
