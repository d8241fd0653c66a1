import { refuse } from "./config.ts";
import {
  type ConfigNames,
  type EncoderConfig,
  encoderConfig,
  encoderFromJson,
  encoderToJson,
} from "./encoder_config.ts";
import type { ConfigJson } from "./model.ts";

/** Sizes and options of a DistilBERT classifier (Sanh et al. 2019). */
export type DistilBertConfig = EncoderConfig;

/** The norms' epsilon stands in no config.json. */
const NAMES: ConfigNames<DistilBertConfig> = {
  numbers: {
    vocabulary: "vocab_size",
    positions: "max_position_embeddings",
    width: "dim",
    layers: "n_layers",
    heads: "n_heads",
    inner: "hidden_dim",
    initializerRange: "initializer_range",
    dropout: "dropout",
    attentionDropout: "attention_dropout",
    classifierDropout: "seq_classif_dropout",
  },
  activation: "activation",
};

/** The configuration of distilbert-base, but for what is given. */
export function distilBertConfig(given: Partial<DistilBertConfig> = {}): DistilBertConfig {
  return encoderConfig<DistilBertConfig>({ layers: 6, classifierDropout: 0.2 }, given);
}

/** From Hugging Face's config.json. */
export function distilBertConfigFromJson(json: ConfigJson): DistilBertConfig {
  refuse(json, "DistilBERT", { sinusoidal_pos_embds: false });
  return distilBertConfig(encoderFromJson(json, NAMES, distilBertConfig()));
}

/** To Hugging Face's config.json. */
export function distilBertConfigToJson(config: DistilBertConfig): ConfigJson {
  return encoderToJson(config, NAMES, {
    architectures: ["DistilBertForSequenceClassification"],
    model_type: "distilbert",
    sinusoidal_pos_embds: false,
  });
}
