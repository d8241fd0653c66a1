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

/** Sizes and options of a BERT classifier (Devlin et al. 2019). */
export interface BertConfig extends BlockConfig {
  vocabulary: number;
  /** Longest sequence. */
  positions: number;
  /** Kinds of tokens: first or second text. */
  types: number;
  layers: number;
  /** Number of classes. */
  classes: number;
  classifierDropout: number;
  /** Everything in config.json, to be written back. */
  json: ConfigJson;
}

/** The configuration of BERT-base, but for what is given. */
export function bertConfig(given: Partial<BertConfig> = {}): BertConfig {
  const config: BertConfig = {
    vocabulary: 30522,
    positions: 512,
    types: 2,
    width: 768,
    layers: 12,
    heads: 12,
    inner: 4 * (given.width ?? 768),
    activation: "gelu",
    normEps: 1e-12,
    initializerRange: 0.02,
    dropout: 0.1,
    attentionDropout: 0.1,
    classes: 2,
    classifierDropout: given.dropout ?? 0.1,
    json: {},
    ...given,
  };
  const { vocabulary, positions, types, width, layers, heads, inner, classes } = config;
  const sizes = { vocabulary, positions, types, width, layers, heads, inner, classes };
  checkSizes(sizes, width, heads);
  activationOf(config.activation);
  return config;
}

/** From Hugging Face's config.json. */
export function bertConfigFromJson(json: ConfigJson): BertConfig {
  refuse(json, "BERT", {
    position_embedding_type: "absolute",
    is_decoder: false,
    add_cross_attention: false,
  });
  const dropout = numberOf(json, "hidden_dropout_prob", 0.1);
  return bertConfig({
    vocabulary: numberOf(json, "vocab_size", 30522),
    positions: numberOf(json, "max_position_embeddings", 512),
    types: numberOf(json, "type_vocab_size", 2),
    width: numberOf(json, "hidden_size", 768),
    layers: numberOf(json, "num_hidden_layers", 12),
    heads: numberOf(json, "num_attention_heads", 12),
    inner: numberOf(json, "intermediate_size", 3072),
    activation: (json.hidden_act ?? "gelu") as ActivationName,
    normEps: numberOf(json, "layer_norm_eps", 1e-12),
    initializerRange: numberOf(json, "initializer_range", 0.02),
    dropout,
    attentionDropout: numberOf(json, "attention_probs_dropout_prob", 0.1),
    classes: labelsOf(json),
    classifierDropout: numberOf(json, "classifier_dropout", dropout),
    json,
  });
}

/** To Hugging Face's config.json. */
export function bertConfigToJson(config: BertConfig): ConfigJson {
  const named = config.json.id2label && labelsOf(config.json) === config.classes;
  return {
    ...config.json,
    ...(named ? {} : labelNames(config.classes)),
    architectures: ["BertForSequenceClassification"],
    model_type: "bert",
    vocab_size: config.vocabulary,
    max_position_embeddings: config.positions,
    type_vocab_size: config.types,
    hidden_size: config.width,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.inner,
    hidden_act: config.activation,
    layer_norm_eps: config.normEps,
    initializer_range: config.initializerRange,
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attentionDropout,
    classifier_dropout: config.classifierDropout,
  };
}
