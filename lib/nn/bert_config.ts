import { checkSizes, numberOf, refuse } from "./config.ts";
import {
  type ConfigNames,
  type EncoderConfig,
  encoderConfig,
  encoderFromJson,
  encoderToJson,
} from "./encoder_config.ts";
import type { ConfigJson } from "./model.ts";

/** Sizes and options of a BERT classifier (Devlin et al. 2019). */
export interface BertConfig extends EncoderConfig {
  /** Kinds of tokens: first or second text. */
  types: number;
}

const NAMES: ConfigNames<BertConfig> = {
  numbers: {
    vocabulary: "vocab_size",
    positions: "max_position_embeddings",
    types: "type_vocab_size",
    width: "hidden_size",
    layers: "num_hidden_layers",
    heads: "num_attention_heads",
    inner: "intermediate_size",
    normEps: "layer_norm_eps",
    initializerRange: "initializer_range",
    dropout: "hidden_dropout_prob",
    attentionDropout: "attention_probs_dropout_prob",
    classifierDropout: "classifier_dropout",
  },
  activation: "hidden_act",
};

/** The configuration of BERT-base, but for what is given. */
export function bertConfig(given: Partial<BertConfig> = {}): BertConfig {
  const classifierDropout = given.dropout ?? 0.1;
  const config = encoderConfig<BertConfig>({ types: 2, layers: 12, classifierDropout }, given);
  checkSizes({ types: config.types }, config.width, config.heads);
  return config;
}

/** From Hugging Face's config.json. */
export function bertConfigFromJson(json: ConfigJson): BertConfig {
  refuse(json, "BERT", {
    position_embedding_type: "absolute",
    is_decoder: false,
    add_cross_attention: false,
  });
  const usual = bertConfig({ dropout: numberOf(json, "hidden_dropout_prob", 0.1) });
  return bertConfig(encoderFromJson(json, NAMES, usual));
}

/** To Hugging Face's config.json. */
export function bertConfigToJson(config: BertConfig): ConfigJson {
  return encoderToJson(config, NAMES, {
    architectures: ["BertForSequenceClassification"],
    model_type: "bert",
  });
}
