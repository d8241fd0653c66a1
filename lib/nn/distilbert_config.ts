import {
  type ActivationName,
  activationOf,
  checkSizes,
  labelNames,
  labelsOf,
  numberOf,
  refuse,
} from "./config.ts";
import type { BlockConfig } from "./encoder_block.ts";
import type { ConfigJson } from "./model.ts";

/** Sizes and options of a DistilBERT classifier (Sanh et al. 2019). */
export interface DistilBertConfig extends BlockConfig {
  vocabulary: number;
  /** Longest sequence. */
  positions: number;
  layers: number;
  /** Number of classes. */
  classes: number;
  classifierDropout: number;
  /** Everything in config.json, to be written back. */
  json: ConfigJson;
}

/** The configuration of distilbert-base, but for what is given. */
export function distilBertConfig(given: Partial<DistilBertConfig> = {}): DistilBertConfig {
  const config: DistilBertConfig = {
    vocabulary: 30522,
    positions: 512,
    width: 768,
    layers: 6,
    heads: 12,
    inner: 4 * (given.width ?? 768),
    activation: "gelu",
    normEps: 1e-12,
    initializerRange: 0.02,
    dropout: 0.1,
    attentionDropout: 0.1,
    classes: 2,
    classifierDropout: 0.2,
    json: {},
    ...given,
  };
  const { vocabulary, positions, width, layers, heads, inner, classes } = config;
  checkSizes({ vocabulary, positions, width, layers, heads, inner, classes }, width, heads);
  activationOf(config.activation);
  return config;
}

/** From Hugging Face's config.json. */
export function distilBertConfigFromJson(json: ConfigJson): DistilBertConfig {
  refuse(json, "DistilBERT", { sinusoidal_pos_embds: false });
  return distilBertConfig({
    vocabulary: numberOf(json, "vocab_size", 30522),
    positions: numberOf(json, "max_position_embeddings", 512),
    width: numberOf(json, "dim", 768),
    layers: numberOf(json, "n_layers", 6),
    heads: numberOf(json, "n_heads", 12),
    inner: numberOf(json, "hidden_dim", 3072),
    activation: (json.activation ?? "gelu") as ActivationName,
    initializerRange: numberOf(json, "initializer_range", 0.02),
    dropout: numberOf(json, "dropout", 0.1),
    attentionDropout: numberOf(json, "attention_dropout", 0.1),
    classes: labelsOf(json),
    classifierDropout: numberOf(json, "seq_classif_dropout", 0.2),
    json,
  });
}

/** To Hugging Face's config.json. */
export function distilBertConfigToJson(config: DistilBertConfig): ConfigJson {
  const named = config.json.id2label && labelsOf(config.json) === config.classes;
  return {
    ...config.json,
    ...(named ? {} : labelNames(config.classes)),
    architectures: ["DistilBertForSequenceClassification"],
    model_type: "distilbert",
    vocab_size: config.vocabulary,
    max_position_embeddings: config.positions,
    dim: config.width,
    n_layers: config.layers,
    n_heads: config.heads,
    hidden_dim: config.inner,
    activation: config.activation,
    initializer_range: config.initializerRange,
    dropout: config.dropout,
    attention_dropout: config.attentionDropout,
    seq_classif_dropout: config.classifierDropout,
    sinusoidal_pos_embds: false,
  };
}
