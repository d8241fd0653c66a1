/** What text generation needs of a language model. */
import type { Gpu } from "../tensor/gpu.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Rows } from "./inputs.ts";

/** What a model remembers of the tokens it has seen. */
export interface DecoderCache extends Disposable {
  /** Sequence b becomes what sequence rows[b] was. */
  reorder(rows: readonly number[]): void;
}

/** A language model that goes on with texts token by token. */
export interface Decoder<Cache extends DecoderCache = DecoderCache> {
  readonly gpu: Gpu;
  /** Most tokens of a text. */
  readonly longest: number;
  /**
   * An empty memory for so many texts of at most `capacity` tokens.
   *
   * @param mask of the first ids that will be given: 0 for padding, which is on the left.
   */
  cache(sizes: { batch: number; capacity: number; mask?: Rows }): Cache;
  /** Logits of the token after the last one, [B, V]; ids are the new tokens, [B, T]. */
  next(ids: Rows, cache: Cache): Tensor;
}
