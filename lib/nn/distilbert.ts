import * as ops from "../ops/mod.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { ShapeError } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { runBlocks, storedBytes } from "./blocks.ts";
import { Classifier, type ClassifierBatch } from "./classifier.ts";
import {
  type DistilBertConfig,
  distilBertConfig,
  distilBertConfigFromJson,
  distilBertConfigToJson,
} from "./distilbert_config.ts";
import { EncoderBlock } from "./encoder_block.ts";
import type { PassOptions } from "./gpt2.ts";
import { keysSeen, toRows } from "./inputs.ts";
import { dropped, Embedding, LayerNorm, Linear } from "./layers.ts";
import type { WeightNames } from "./load_weights.ts";
import { type ConfigJson, loadModel, type LoadOptions, withWeights } from "./model.ts";
import type { ModelFiles, WeightSource } from "./model_files.ts";

/** The random sites outside of blocks: embeddings and head; blocks have theirs from 2 on. */
const EMBEDDING_SITE = 0, HEAD_SITE = 1, BLOCK_SITES = 2;

/**
 * DistilBERT with a classification head (Sanh et al., "DistilBERT, a distilled version of BERT",
 * 2019), equal to Hugging Face's `DistilBertForSequenceClassification`.
 */
export class DistilBert extends Classifier {
  readonly config: DistilBertConfig;
  readonly words: Embedding;
  readonly positions: Embedding;
  readonly norm: LayerNorm;
  readonly blocks: readonly EncoderBlock[];
  readonly preClassifier: Linear;
  readonly classifier: Linear;
  readonly names: WeightNames = {
    model: "DistilBERT",
    prefix: "distilbert.",
    ignored: [/^vocab_(transform|layer_norm|projector)\./, /embeddings\.position_ids$/],
    head: /^(pre_)?classifier\./,
  };

  /** An untrained model. */
  constructor(
    gpu: Gpu,
    config: Partial<DistilBertConfig> = {},
    { seed = 0 }: { seed?: number } = {},
  ) {
    super(gpu);
    const all = this.config = distilBertConfig(config);
    const { width, normEps, initializerRange } = all;
    const p = this.weights, deviation = { deviation: initializerRange };
    const table = (name: string, rows: number) =>
      new Embedding(p, `distilbert.embeddings.${name}_embeddings`, rows, width, deviation);
    this.words = table("word", all.vocabulary);
    this.positions = table("position", all.positions);
    this.norm = new LayerNorm(p, "distilbert.embeddings.LayerNorm", width, normEps);
    this.blocks = Array.from({ length: all.layers }, (_, i) => {
      const layer = `distilbert.transformer.layer.${i}`;
      const names = {
        query: `${layer}.attention.q_lin`,
        key: `${layer}.attention.k_lin`,
        value: `${layer}.attention.v_lin`,
        attentionOut: `${layer}.attention.out_lin`,
        attentionNorm: `${layer}.sa_layer_norm`,
        inner: `${layer}.ffn.lin1`,
        innerOut: `${layer}.ffn.lin2`,
        outNorm: `${layer}.output_layer_norm`,
      };
      return new EncoderBlock(p, names, all, BLOCK_SITES + 3 * i);
    });
    this.preClassifier = new Linear(p, "pre_classifier", width, width, deviation);
    this.classifier = new Linear(p, "classifier", width, all.classes, deviation);
    p.allocate({ seed });
  }

  /** Reads config.json and model.safetensors as Hugging Face writes them. */
  static load(
    gpu: Gpu,
    files: ModelFiles,
    { classes, ...options }: LoadOptions & { classes?: number } = {},
  ): Promise<DistilBert> {
    const config = (json: ConfigJson) => ({
      ...distilBertConfigFromJson(json),
      ...(classes ? { classes } : {}),
    });
    return loadModel(files, (json) => new DistilBert(gpu, config(json), options), options);
  }

  /** A model of weights that are in memory; `config` is the content of config.json. */
  static fromTensors(gpu: Gpu, config: ConfigJson, source: WeightSource): DistilBert {
    return withWeights(new DistilBert(gpu, distilBertConfigFromJson(config)), source);
  }

  configJson(): ConfigJson {
    return distilBertConfigToJson(this.config);
  }

  /** What the last block gives, [B, T, D]. */
  hidden(
    { ids, mask, types }: ClassifierBatch,
    { training, checkpoint = false }: PassOptions = {},
  ): Tensor {
    if (types) throw new TypeError("types was given, but DistilBERT has no types of tokens.");
    using tokens = toRows(this.gpu, "ids", ids);
    using keys = keysSeen(this.gpu, mask, tokens.shape);
    const x = dropped(this.#embed(tokens), this.config.dropout, training, EMBEDDING_SITE);
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
    const pooled = this.preClassifier.forward(first, { activation: "relu" });
    using head = dropped(pooled, classifierDropout, options.training, HEAD_SITE);
    return this.classifier.forward(head);
  }

  activationBytes(size: { batch: number; time: number; checkpoint?: boolean }): number {
    return storedBytes({ ...this.config, ...size });
  }

  /** The normalised sum of the embeddings of words and positions. */
  #embed(tokens: Tensor): Tensor {
    const [, time] = tokens.shape;
    if (time > this.config.positions) {
      throw new ShapeError(
        `ids has sequences of ${time} tokens; this model has ${this.config.positions} positions.`,
      );
    }
    using words = this.words.forward(tokens);
    using places = this.positions.first(time);
    using sum = ops.add(words, places);
    return this.norm.forward(sum);
  }
}
