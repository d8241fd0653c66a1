import { linearCrossEntropy } from "../losses/linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "../losses/options.ts";
import * as ops from "../ops/mod.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { ShapeError } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { runBlocks, storedBytes } from "./blocks.ts";
import { activationOf } from "./config.ts";
import type { Decoder } from "./decoder.ts";
import {
  type Gpt2Config,
  gpt2Config,
  gpt2ConfigFromJson,
  gpt2ConfigToJson,
} from "./gpt2_config.ts";
import { keyOptions, keysSeen, nextTokenLabels, type Rows, textSize, toRows } from "./inputs.ts";
import { KeyValueCache } from "./key_value_cache.ts";
import { addedTo, dropped, Embedding, LayerNorm, Linear } from "./layers.ts";
import type { WeightNames } from "./load_weights.ts";
import {
  type BatchSize,
  type ConfigJson,
  loadModel,
  type LoadOptions,
  Model,
  withWeights,
} from "./model.ts";
import type { ModelFiles, WeightSource } from "./model_files.ts";
import { randomSite, type TrainingStep } from "./random_sites.ts";

/** A batch of text. */
export interface Gpt2Batch {
  /** Token ids [B, T]. */
  ids: Rows;
  /** What is learned, [B, T], −100 where nothing is (default: ids, but no padding). Position t predicts label t + 1. */
  labels?: Rows;
  /**
   * 1 for tokens, 0 for padding, [B, T]. Padding on the left takes positions, as in transformers where no
   * `position_ids` are given; `generate` counts without it.
   */
  mask?: Rows;
}

/** How a pass through the model is made. */
export interface PassOptions {
  /** Present in training: dropout is on, with random numbers of this step. */
  training?: TrainingStep;
  /** Stores only what enters each block and computes the rest again on the way back. */
  checkpoint?: boolean;
  /**
   * Called in each block with queries, keys and values side by side, [B, T, 3·D], and with what
   * attention makes of them, [B, T, D]: to look inside, see `traceGpt2`.
   */
  look?: (qkv: Tensor, attended: Tensor) => void;
}

/** A pass that ends in a loss: how the loss is computed, too. */
export interface LossOptions
  extends PassOptions, Pick<LinearCrossEntropyOptions, "impl" | "filterEps" | "reduction"> {}

/** Attention and a feed-forward layer, each behind a layer norm and added to the residual. */
export class Gpt2Block {
  readonly norm1: LayerNorm;
  readonly attention: Linear;
  readonly attentionOut: Linear;
  readonly norm2: LayerNorm;
  readonly inner: Linear;
  readonly innerOut: Linear;

  constructor(model: Gpt2, name: string, readonly config: Gpt2Config, readonly number: number) {
    const { width, inner, normEps, initializerRange: deviation, layers } = config;
    const p = model.weights;
    // Each block adds to the residual twice: its sum keeps its size if the parts are smaller.
    const small = deviation / Math.sqrt(2 * layers), layout = "in,out";
    this.norm1 = new LayerNorm(p, `${name}.ln_1`, width, normEps);
    this.attention = new Linear(p, `${name}.attn.c_attn`, width, 3 * width, { deviation, layout });
    const deviationOut = { deviation: small, layout } as const;
    this.attentionOut = new Linear(p, `${name}.attn.c_proj`, width, width, deviationOut);
    this.norm2 = new LayerNorm(p, `${name}.ln_2`, width, normEps);
    this.inner = new Linear(p, `${name}.mlp.c_fc`, width, inner, { deviation, layout });
    this.innerOut = new Linear(p, `${name}.mlp.c_proj`, inner, width, deviationOut);
  }

  /** @param attend from queries, keys and values side by side, [B, T, 3·D], to [B, T, D]. */
  forward(
    x: Tensor,
    training: TrainingStep | undefined,
    attend: (qkv: Tensor) => Tensor,
  ): Tensor {
    const { residualDropout: p, activation } = this.config;
    const site = 1 + 3 * this.number;
    using normal1 = this.norm1.forward(x);
    using qkv = this.attention.forward(normal1);
    using attended = attend(qkv);
    using middle = addedTo(x, this.attentionOut, attended, p, training, site + 1);
    using normal2 = this.norm2.forward(middle);
    using inner = this.inner.forward(normal2, { activation: activationOf(activation) });
    return addedTo(middle, this.innerOut, inner, p, training, site + 2);
  }
}

/**
 * GPT-2 of any size, with its language-model head (Radford et al. 2019), equal to Hugging Face's
 * `GPT2LMHeadModel`. The head's matrix is that of the token embedding.
 *
 * ```ts
 * import { Gpt2, Gpu } from "cutloss";
 * using gpu = await Gpu.open();
 * // Or: await Gpt2.load(gpu, modelDir("models/gpt2")), with modelDir of cutloss/hub/mod.ts; in a
 * // browser with fetchedFiles(url).
 * using model = new Gpt2(gpu, { vocabulary: 50, positions: 8, width: 8, layers: 1, heads: 2 });
 * using loss = model.loss({ ids: [[3, 1, 4, 1, 5]] });
 * loss.backward();
 * console.log(await loss.item()); // about ln 50
 * ```
 */
export class Gpt2 extends Model implements Decoder<KeyValueCache> {
  readonly config: Gpt2Config;
  readonly tokens: Embedding;
  readonly positions: Embedding;
  readonly blocks: readonly Gpt2Block[];
  readonly norm: LayerNorm;
  override readonly names: WeightNames = {
    model: "GPT-2",
    prefix: "transformer.",
    ignored: [/\battn\.(masked_)?bias$/, /^lm_head\.weight$/],
  };

  /** An untrained model. */
  constructor(
    gpu: Gpu,
    config: Partial<Gpt2Config> = {},
    { seed = 0 }: { seed?: number } = {},
  ) {
    super(gpu);
    const all = this.config = gpt2Config(config);
    const { vocabulary, positions, width, layers, normEps, initializerRange } = all;
    const deviation = { deviation: initializerRange };
    this.tokens = new Embedding(this.weights, "transformer.wte", vocabulary, width, deviation);
    this.positions = new Embedding(this.weights, "transformer.wpe", positions, width, deviation);
    this.blocks = Array.from(
      { length: layers },
      (_, i) => new Gpt2Block(this, `transformer.h.${i}`, all, i),
    );
    this.norm = new LayerNorm(this.weights, "transformer.ln_f", width, normEps);
    this.weights.allocate({ seed });
  }

  /** Reads config.json and model.safetensors as Hugging Face writes them. */
  static load(gpu: Gpu, files: ModelFiles, options: LoadOptions = {}): Promise<Gpt2> {
    return loadModel(
      files,
      (json) => new Gpt2(gpu, gpt2ConfigFromJson(json), options),
      options,
    );
  }

  /** A model of weights that are in memory; `config` is the content of config.json. */
  static fromTensors(gpu: Gpu, config: ConfigJson, source: WeightSource): Gpt2 {
    return withWeights(new Gpt2(gpu, gpt2ConfigFromJson(config)), source);
  }

  override configJson(): ConfigJson {
    return gpt2ConfigToJson(this.config);
  }

  /** What the last block gives, normalised: [B, T, D]. */
  hidden({ ids, mask }: Gpt2Batch, options: PassOptions = {}): Tensor {
    const { training, checkpoint = false, look } = options;
    using tokens = toRows(this.gpu, "ids", ids);
    using keys = keysSeen(this.gpu, mask, tokens.shape);
    using last = runBlocks(
      this.blocks,
      this.#embed(tokens, training),
      keys,
      (block, x, keys) =>
        block.forward(x, training, (qkv) => {
          const attended = ops.attentionPacked(qkv, {
            heads: this.config.heads,
            causal: true,
            ...keyOptions(keys),
            ...this.#attentionDropout(training, block.number),
          });
          look?.(qkv, attended);
          return attended;
        }),
      checkpoint,
    );
    return this.norm.forward(last);
  }

  /** Unnormalised log-probabilities of the next token at every position, [B, T, V]. */
  logits(batch: Gpt2Batch, options: PassOptions = {}): Tensor {
    using hidden = this.hidden(batch, options);
    return ops.linear(hidden, this.tokens.weight.tensor);
  }

  /**
   * The mean cross-entropy of the next token, in nats, over the labels that count; 0 if none does.
   *
   * @throws {TypeError | RangeError} if ids, labels or mask are no rows of one shape or not in the
   *   vocabulary, or if a sequence has one token only.
   */
  loss(batch: Gpt2Batch, options: LossOptions = {}): Tensor {
    const { impl, filterEps, reduction } = options;
    const labels = nextTokenLabels(batch);
    using hidden = this.hidden(batch, options);
    return linearCrossEntropy(hidden, this.tokens.weight.tensor, labels.data, {
      shift: 1,
      ...(impl ? { impl } : {}),
      ...(filterEps !== undefined ? { filterEps } : {}),
      ...(reduction ? { reduction } : {}),
    });
  }

  /** How large a batch is, and how many of its labels count. */
  measure(batch: Gpt2Batch): BatchSize {
    return textSize(batch);
  }

  /** Most tokens of a text. */
  get longest(): number {
    return this.config.positions;
  }

  /** An empty memory of keys and values, see `Decoder`. */
  cache(
    { batch, capacity, mask }: { batch: number; capacity: number; mask?: Rows },
  ): KeyValueCache {
    return new KeyValueCache(this.gpu, { ...this.config, batch, capacity }, mask);
  }

  /**
   * Logits of the token after the last one, [B, V], for text that continues what `cache` holds.
   *
   * @param ids [B, T], T = 1 unless the cache is empty.
   */
  next(ids: Rows, cache: KeyValueCache): Tensor {
    using tokens = toRows(this.gpu, "ids", ids);
    using _ = this.gpu.noGrad();
    using step = cache.begin(tokens.shape);
    let x = this.#embedAt(tokens, step.positions);
    for (const block of this.blocks) {
      using before = x;
      x = block.forward(before, undefined, (qkv) => step.attend(qkv, block.number));
    }
    using all = x;
    using last = ops.selectToken(all, -1);
    using normal = this.norm.forward(last);
    return ops.linear(normal, this.tokens.weight.tensor);
  }

  override activationBytes(size: { batch: number; time: number; checkpoint?: boolean }): number {
    return storedBytes({ ...this.config, ...size });
  }

  #attentionDropout(training: TrainingStep | undefined, block: number) {
    const { attentionDropout: p } = this.config;
    return training && p > 0 ? { dropout: { p, ...randomSite(training, 1 + 3 * block) } } : {};
  }

  /** Sum of token and position embeddings, [B, T, D]. */
  #embed(tokens: Tensor, training: TrainingStep | undefined): Tensor {
    const time = tokens.shape[1];
    if (time > this.config.positions) {
      throw new ShapeError(
        `ids has sequences of ${time} tokens; this model has ${this.config.positions} positions.`,
      );
    }
    using vectors = this.tokens.forward(tokens);
    using places = this.positions.first(time);
    return dropped(ops.add(vectors, places), this.config.embeddingDropout, training, 0);
  }

  /** The same with a position for every token, as padding on the left asks for. */
  #embedAt(tokens: Tensor, positions: Tensor): Tensor {
    using vectors = this.tokens.forward(tokens);
    using places = this.positions.forward(positions);
    return ops.add(vectors, places);
  }
}
