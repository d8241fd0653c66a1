/** What BERT and DistilBERT share: an encoder and a head that looks at its first token. */
import { checkRange } from "../ops/check.ts";
import * as ops from "../ops/mod.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { ShapeError } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { runBlocks, storedBytes } from "./blocks.ts";
import { Classifier, type ClassifierBatch } from "./classifier.ts";
import { type BlockNames, EncoderBlock } from "./encoder_block.ts";
import type { EncoderConfig } from "./encoder_config.ts";
import type { PassOptions } from "./gpt2.ts";
import { checkLike, keysSeen, type Rows, toRows } from "./inputs.ts";
import { dropped, Embedding, LayerNorm, Linear } from "./layers.ts";
import type { WeightNames } from "./load_weights.ts";

/** The random sites outside of blocks: embeddings and head; blocks have theirs from 2 on. */
const EMBEDDING_SITE = 0, HEAD_SITE = 1, BLOCK_SITES = 2;

/** In what encoders differ. */
export interface EncoderKind {
  names: WeightNames;
  /** What the names of the embeddings begin with in files. */
  embeddings: string;
  /** Kinds of tokens, if there are any. */
  types?: number;
  block: (layer: number) => BlockNames;
  /** Probability of dropping from what attention adds (default: the configuration's `dropout`). */
  attentionOutDropout?: number;
  /** The head's first layer. */
  pooler: { name: string; activation: "tanh" | "relu" };
}

/** An encoder with a classification head. */
export abstract class Encoder<Config extends EncoderConfig> extends Classifier {
  override readonly names: WeightNames;
  readonly words: Embedding;
  readonly positions: Embedding;
  readonly types: Embedding | undefined;
  readonly norm: LayerNorm;
  readonly blocks: readonly EncoderBlock[];
  readonly pooler: Linear;
  readonly classifier: Linear;
  readonly #kind: EncoderKind;

  constructor(gpu: Gpu, readonly config: Config, kind: EncoderKind, seed: number) {
    super(gpu);
    this.#kind = kind;
    this.names = kind.names;
    const { width, normEps, initializerRange, layers } = config;
    const p = this.weights, deviation = { deviation: initializerRange };
    const table = (name: string, rows: number) =>
      new Embedding(p, `${kind.embeddings}.${name}_embeddings`, rows, width, deviation);
    this.words = table("word", config.vocabulary);
    this.positions = table("position", config.positions);
    this.types = kind.types ? table("token_type", kind.types) : undefined;
    this.norm = new LayerNorm(p, `${kind.embeddings}.LayerNorm`, width, normEps);
    const { attentionOutDropout } = kind;
    const ofBlock = attentionOutDropout === undefined ? config : { ...config, attentionOutDropout };
    this.blocks = Array.from(
      { length: layers },
      (_, i) => new EncoderBlock(p, kind.block(i), ofBlock, BLOCK_SITES + 3 * i),
    );
    this.pooler = new Linear(p, kind.pooler.name, width, width, deviation);
    this.classifier = new Linear(p, "classifier", width, config.classes, deviation);
    p.allocate({ seed });
  }

  override get longest(): number {
    return this.config.positions;
  }

  /** What the last block gives, [B, T, D]. */
  hidden(
    { ids, mask, types }: ClassifierBatch,
    { training, checkpoint = false, look }: PassOptions = {},
  ): Tensor {
    using tokens = toRows(this.gpu, "ids", ids);
    using keys = keysSeen(this.gpu, mask, tokens.shape);
    const x = dropped(this.#embed(tokens, types), this.config.dropout, training, EMBEDDING_SITE);
    return runBlocks(
      this.blocks,
      x,
      keys,
      (block, x, keys) => block.forward(x, keys, training, look),
      checkpoint,
    );
  }

  logits(batch: ClassifierBatch, options: PassOptions = {}): Tensor {
    const { activation } = this.#kind.pooler, { classifierDropout } = this.config;
    using hidden = this.hidden(batch, options);
    using first = ops.selectToken(hidden, 0);
    const pooled = this.pooler.forward(first, { activation });
    using head = dropped(pooled, classifierDropout, options.training, HEAD_SITE);
    return this.classifier.forward(head);
  }

  override activationBytes(size: { batch: number; time: number; checkpoint?: boolean }): number {
    return storedBytes({ ...this.config, ...size });
  }

  /** The normalised sum of the embeddings of words, positions and types. */
  #embed(tokens: Tensor, types: Rows | undefined): Tensor {
    const [, time] = tokens.shape;
    if (time > this.config.positions) {
      throw new ShapeError(
        `ids has sequences of ${time} tokens; this model has ${this.config.positions} positions.`,
      );
    }
    using words = this.words.forward(tokens);
    using typed = this.#addTypes(words, types);
    using places = this.positions.first(time);
    using sum = ops.add(typed, places);
    return this.norm.forward(sum);
  }

  #addTypes(words: Tensor, types: Rows | undefined): Tensor {
    const shape = words.shape.slice(0, 2);
    if (!this.types) {
      if (!types) return words;
      throw new TypeError(`types was given, but ${this.names.model} has no types of tokens.`);
    }
    using kinds = types
      ? toRows(this.gpu, "types", types)
      : this.gpu.tensor(new Int32Array(shape[0] * shape[1]), shape);
    checkLike("types", kinds, shape);
    // Else the table's own message would call them ids.
    checkRange("hidden", "types", kinds.hostInts!, this.types.rows);
    using typed = this.types.forward(kinds);
    return ops.add(words, typed);
  }
}
