import {
  type ActivationName,
  activationOf,
  checkDropouts,
  checkSizes,
  numberOf,
  refuse,
  savedJson,
} from "./config.ts";
import type { ConfigJson } from "./model.ts";

/** Sizes and options of a GPT-2 (Radford et al., "Language models are unsupervised multitask learners", 2019). */
export interface Gpt2Config {
  vocabulary: number;
  /** Longest sequence. */
  positions: number;
  width: number;
  layers: number;
  heads: number;
  /** Width inside the feed-forward layers (default 4 · width). */
  inner: number;
  activation: ActivationName;
  normEps: number;
  /** Deviation of the first weights. */
  initializerRange: number;
  /** Probabilities of dropout: of embeddings, of attention weights, of what is added to the residual. */
  embeddingDropout: number;
  attentionDropout: number;
  residualDropout: number;
  /** Everything in config.json, to be written back. */
  json: ConfigJson;
}

/** The 124M model's configuration, but for what is given. */
export function gpt2Config(given: Partial<Gpt2Config> = {}): Gpt2Config {
  const width = given.width ?? 768;
  const config: Gpt2Config = {
    vocabulary: 50257,
    positions: 1024,
    width,
    layers: 12,
    heads: 12,
    inner: 4 * width,
    activation: "gelu_new",
    normEps: 1e-5,
    initializerRange: 0.02,
    embeddingDropout: 0.1,
    attentionDropout: 0.1,
    residualDropout: 0.1,
    json: {},
    ...given,
  };
  const { vocabulary, positions, layers, heads, inner } = config;
  checkSizes({ vocabulary, positions, width, layers, heads, inner }, width, heads);
  const { embeddingDropout, attentionDropout, residualDropout } = config;
  checkDropouts({ embeddingDropout, attentionDropout, residualDropout });
  activationOf(config.activation);
  return config;
}

/** From Hugging Face's config.json. */
export function gpt2ConfigFromJson(json: ConfigJson): Gpt2Config {
  refuse(json, "GPT-2", {
    scale_attn_by_inverse_layer_idx: false,
    scale_attn_weights: true,
    add_cross_attention: false,
    tie_word_embeddings: true,
  });
  const width = numberOf(json, "n_embd", 768);
  return gpt2Config({
    vocabulary: numberOf(json, "vocab_size", 50257),
    positions: numberOf(json, "n_positions", 1024),
    width,
    layers: numberOf(json, "n_layer", 12),
    heads: numberOf(json, "n_head", 12),
    inner: json.n_inner ? numberOf(json, "n_inner") : 4 * width,
    activation: (json.activation_function ?? "gelu_new") as ActivationName,
    normEps: numberOf(json, "layer_norm_epsilon", 1e-5),
    initializerRange: numberOf(json, "initializer_range", 0.02),
    embeddingDropout: numberOf(json, "embd_pdrop", 0.1),
    attentionDropout: numberOf(json, "attn_pdrop", 0.1),
    residualDropout: numberOf(json, "resid_pdrop", 0.1),
    json,
  });
}

/** To Hugging Face's config.json. */
export function gpt2ConfigToJson(config: Gpt2Config): ConfigJson {
  // Else transformers would take the end of text of the full vocabulary.
  const ends = config.vocabulary < 50257 ? { bos_token_id: null, eos_token_id: null } : {};
  return {
    ...ends,
    ...savedJson(config.json),
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    vocab_size: config.vocabulary,
    n_positions: config.positions,
    n_embd: config.width,
    n_layer: config.layers,
    n_head: config.heads,
    n_inner: config.inner === 4 * config.width ? null : config.inner,
    activation_function: config.activation,
    layer_norm_epsilon: config.normEps,
    initializer_range: config.initializerRange,
    embd_pdrop: config.embeddingDropout,
    attn_pdrop: config.attentionDropout,
    resid_pdrop: config.residualDropout,
    tie_word_embeddings: true,
  };
}
