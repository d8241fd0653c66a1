import * as ops from "../ops/mod.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { ShapeError } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  type BertConfig,
  bertConfig,
  bertConfigFromJson,
  bertConfigToJson,
} from "./bert_config.ts";
import { runBlocks, storedBytes } from "./blocks.ts";
import { Classifier, type ClassifierBatch } from "./classifier.ts";
import { EncoderBlock } from "./encoder_block.ts";
import type { PassOptions } from "./gpt2.ts";
import { checkLike, keysSeen, type Rows, toRows } from "./inputs.ts";
import { dropped, Embedding, LayerNorm, Linear } from "./layers.ts";
import type { WeightNames } from "./load_weights.ts";
import { type ConfigJson, loadModel, type LoadOptions, withWeights } from "./model.ts";
import type { ModelFiles, WeightSource } from "./model_files.ts";

/** The random sites outside of blocks: embeddings and head; blocks have theirs from 2 on. */
const EMBEDDING_SITE = 0, HEAD_SITE = 1, BLOCK_SITES = 2;

/**
 * BERT with a classification head (Devlin et al., "BERT: pre-training of deep bidirectional
 * transformers", 2019), equal to Hugging Face's `BertForSequenceClassification`.
 *
 * ```ts ignore
 * using model = await Bert.load(gpu, modelDir("models/bert-base-uncased"), { newHead: true });
 * const loss = model.loss({ ids, mask, labels });
 * ```
 */
export class Bert extends Classifier {
  readonly config: BertConfig;
  readonly words: Embedding;
  readonly positions: Embedding;
  readonly types: Embedding;
  readonly norm: LayerNorm;
  readonly blocks: readonly EncoderBlock[];
  readonly pooler: Linear;
  readonly classifier: Linear;
  readonly names: WeightNames = {
    model: "BERT",
    prefix: "bert.",
    ignored: [/^cls\./, /embeddings\.position_ids$/],
    head: /^classifier\.|\.pooler\./,
  };

  /** An untrained model. */
  constructor(
    gpu: Gpu,
    config: Partial<BertConfig> = {},
    { seed = 0 }: { seed?: number } = {},
  ) {
    super(gpu);
    const all = this.config = bertConfig(config);
    const { width, normEps, initializerRange } = all;
    const p = this.weights, deviation = { deviation: initializerRange };
    const table = (name: string, rows: number) =>
      new Embedding(p, `bert.embeddings.${name}_embeddings`, rows, width, deviation);
    this.words = table("word", all.vocabulary);
    this.positions = table("position", all.positions);
    this.types = table("token_type", all.types);
    this.norm = new LayerNorm(p, "bert.embeddings.LayerNorm", width, normEps);
    this.blocks = Array.from({ length: all.layers }, (_, i) => {
      const layer = `bert.encoder.layer.${i}`, attention = `${layer}.attention`;
      const names = {
        query: `${attention}.self.query`,
        key: `${attention}.self.key`,
        value: `${attention}.self.value`,
        attentionOut: `${attention}.output.dense`,
        attentionNorm: `${attention}.output.LayerNorm`,
        inner: `${layer}.intermediate.dense`,
        innerOut: `${layer}.output.dense`,
        outNorm: `${layer}.output.LayerNorm`,
      };
      return new EncoderBlock(p, names, all, BLOCK_SITES + 3 * i);
    });
    this.pooler = new Linear(p, "bert.pooler.dense", width, width, deviation);
    this.classifier = new Linear(p, "classifier", width, all.classes, deviation);
    p.allocate({ seed });
  }

  /** Reads config.json and model.safetensors as Hugging Face writes them. */
  static load(
    gpu: Gpu,
    files: ModelFiles,
    { classes, ...options }: LoadOptions & { classes?: number } = {},
  ): Promise<Bert> {
    const config = (json: ConfigJson) => ({
      ...bertConfigFromJson(json),
      ...(classes ? { classes } : {}),
    });
    return loadModel(files, (json) => new Bert(gpu, config(json), options), options);
  }

  /** A model of weights that are in memory; `config` is the content of config.json. */
  static fromTensors(gpu: Gpu, config: ConfigJson, source: WeightSource): Bert {
    return withWeights(new Bert(gpu, bertConfigFromJson(config)), source);
  }

  configJson(): ConfigJson {
    return bertConfigToJson(this.config);
  }

  /** What the last block gives, [B, T, D]. */
  hidden(
    { ids, mask, types }: ClassifierBatch,
    { training, checkpoint = false }: PassOptions = {},
  ): Tensor {
    using tokens = toRows(this.gpu, "ids", ids);
    using keys = keysSeen(this.gpu, mask, tokens.shape);
    const x = dropped(this.#embed(tokens, types), this.config.dropout, training, EMBEDDING_SITE);
    return runBlocks(
      this.blocks,
      x,
      keys,
      (block, x, keys) => block.forward(x, keys, training),
      checkpoint,
    );
  }

  logits(batch: ClassifierBatch, options: PassOptions = {}): Tensor {
    const { classifierDropout } = this.config;
    using hidden = this.hidden(batch, options);
    using first = ops.selectToken(hidden, 0);
    const pooled = this.pooler.forward(first, { activation: "tanh" });
    using head = dropped(pooled, classifierDropout, options.training, HEAD_SITE);
    return this.classifier.forward(head);
  }

  activationBytes(size: { batch: number; time: number; checkpoint?: boolean }): number {
    return storedBytes({ ...this.config, ...size });
  }

  /** The normalised sum of the embeddings of words, positions and types. */
  #embed(tokens: Tensor, types: Rows | undefined): Tensor {
    const [batch, time] = tokens.shape;
    if (time > this.config.positions) {
      throw new ShapeError(
        `ids has sequences of ${time} tokens; this model has ${this.config.positions} positions.`,
      );
    }
    using kinds = types
      ? toRows(this.gpu, "types", types)
      : this.gpu.tensor(new Int32Array(batch * time), [batch, time]);
    checkLike("types", kinds, tokens.shape);
    using words = this.words.forward(tokens);
    using typed = this.types.forward(kinds);
    using both = ops.add(words, typed);
    using places = this.positions.first(time);
    using sum = ops.add(both, places);
    return this.norm.forward(sum);
  }
}
