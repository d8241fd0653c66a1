import * as ops from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ActivationName, activationOf } from "./config.ts";
import { keyOptions } from "./inputs.ts";
import { addedTo, LayerNorm, Linear } from "./layers.ts";
import type { Parameters } from "./parameters.ts";
import { randomSite, type TrainingStep } from "./random_sites.ts";

/** What BERT and DistilBERT call the layers of a block. */
export interface BlockNames {
  query: string;
  key: string;
  value: string;
  attentionOut: string;
  attentionNorm: string;
  inner: string;
  innerOut: string;
  outNorm: string;
}

/** Sizes and options of a block. */
export interface BlockConfig {
  width: number;
  heads: number;
  inner: number;
  activation: ActivationName;
  normEps: number;
  initializerRange: number;
  /** Probability of dropping from what is added to the block's input. */
  dropout: number;
  /** Probability of dropping attention weights. */
  attentionDropout: number;
  /** Probability of dropping from what attention adds (default `dropout`). */
  attentionOutDropout?: number;
}

/**
 * An encoder's block as in "Attention is all you need" (Vaswani et al. 2017): attention and a
 * feed-forward layer, each added to its input and normalised after that.
 */
export class EncoderBlock {
  readonly projection: Linear;
  readonly attentionOut: Linear;
  readonly attentionNorm: LayerNorm;
  readonly inner: Linear;
  readonly innerOut: Linear;
  readonly outNorm: LayerNorm;

  /** @param site number of the block's first random site; it has three. */
  constructor(
    parameters: Parameters,
    names: BlockNames,
    readonly config: BlockConfig,
    readonly site: number,
  ) {
    const { width, inner, normEps, initializerRange: deviation } = config;
    const linear = (name: string | string[], inputs: number, outputs: number) =>
      new Linear(parameters, name, inputs, outputs, { deviation });
    const { query, key, value } = names;
    this.projection = linear([query, key, value], width, 3 * width);
    this.attentionOut = linear(names.attentionOut, width, width);
    this.attentionNorm = new LayerNorm(parameters, names.attentionNorm, width, normEps);
    this.inner = linear(names.inner, width, inner);
    this.innerOut = linear(names.innerOut, inner, width);
    this.outNorm = new LayerNorm(parameters, names.outNorm, width, normEps);
  }

  /**
   * @param x [B, T, D].
   * @param keys lengths or mask of the keys that count, see `keysSeen`.
   * @param look see `PassOptions`.
   */
  forward(
    x: Tensor,
    keys: Tensor | undefined,
    training: TrainingStep | undefined,
    look?: (qkv: Tensor, attended: Tensor) => void,
  ): Tensor {
    const { heads, activation, dropout, attentionDropout } = this.config;
    const { attentionOutDropout = dropout } = this.config;
    using qkv = this.projection.forward(x);
    using attended = ops.attentionPacked(qkv, {
      heads,
      ...keyOptions(keys),
      ...(training && attentionDropout > 0
        ? { dropout: { p: attentionDropout, ...randomSite(training, this.site) } }
        : {}),
    });
    look?.(qkv, attended);
    using sum1 = addedTo(
      x,
      this.attentionOut,
      attended,
      attentionOutDropout,
      training,
      this.site + 1,
    );
    using middle = this.attentionNorm.forward(sum1);
    using inner = this.inner.forward(middle, { activation: activationOf(activation) });
    using sum2 = addedTo(middle, this.innerOut, inner, dropout, training, this.site + 2);
    return this.outNorm.forward(sum2);
  }
}
