/**
 * Models made of layers: GPT-2, BERT and DistilBERT with the weights and names of Hugging Face, and
 * the differential transformer.
 *
 * @module
 */
export {
  type AttentionRow,
  attentionRow,
  type LayerAttention,
  type Trace,
  traceAttention,
} from "./attention_maps.ts";
export { Bert } from "./bert.ts";
export { type BertConfig } from "./bert_config.ts";
export { Classifier, type ClassifierBatch } from "./classifier.ts";
export { type ActivationName, ConfigError } from "./config.ts";
export { type Decoder, type DecoderCache } from "./decoder.ts";
export {
  DiffTransformer,
  type DiffTransformerBatch,
  DiffTransformerBlock,
  type DiffTransformerPass,
  type Look,
} from "./diff_transformer.ts";
export {
  type AttentionKind,
  type DiffTransformerConfig,
  lambdaInit,
} from "./diff_transformer_config.ts";
export { DistilBert } from "./distilbert.ts";
export { type DistilBertConfig } from "./distilbert_config.ts";
export { Encoder, type EncoderKind } from "./encoder.ts";
export { type BlockConfig, type BlockNames, EncoderBlock } from "./encoder_block.ts";
export { type EncoderConfig } from "./encoder_config.ts";
export { Gpt2, type Gpt2Batch, Gpt2Block, type LossOptions, type PassOptions } from "./gpt2.ts";
export { traceGpt2 } from "./gpt2_attention.ts";
export { type Gpt2Config } from "./gpt2_config.ts";
export { type Rows } from "./inputs.ts";
export { type CacheSizes, type CacheStep, KeyValueCache } from "./key_value_cache.ts";
export { Embedding, LayerNorm, Linear, RmsNorm } from "./layers.ts";
export { type WeightNames, WeightsError } from "./load_weights.ts";
export { type BatchSize, type ConfigJson, type LoadOptions, Model } from "./model.ts";
export { type ModelFiles, sourceOf, type TensorToSave, type WeightSource } from "./model_files.ts";
export { type Initial, Parameter } from "./parameter.ts";
export { type NamedWeight, Parameters, type Segment } from "./parameters.ts";
export { type TrainingStep } from "./random_sites.ts";
export { type AttentionParts } from "./rotary_attention.ts";
export { recompute } from "./recompute.ts";
export { withVocabulary } from "./with_vocabulary.ts";
export type { LinearOptions } from "../ops/mod.ts";
