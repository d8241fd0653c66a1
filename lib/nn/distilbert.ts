import type { Gpu } from "../tensor/gpu.ts";
import {
  type DistilBertConfig,
  distilBertConfig,
  distilBertConfigFromJson,
  distilBertConfigToJson,
} from "./distilbert_config.ts";
import type { BlockNames } from "./encoder_block.ts";
import { Encoder } from "./encoder.ts";
import { type ConfigJson, loadModel, type LoadOptions, withWeights } from "./model.ts";
import type { ModelFiles, WeightSource } from "./model_files.ts";

const NAMES = {
  model: "DistilBERT",
  prefix: "distilbert.",
  ignored: [/^vocab_(transform|layer_norm|projector)\./, /embeddings\.position_ids$/],
  head: /^(pre_)?classifier\./,
};

/**
 * DistilBERT with a classification head (Sanh et al., "DistilBERT, a distilled version of BERT",
 * 2019), equal to Hugging Face's `DistilBertForSequenceClassification`.
 */
export class DistilBert extends Encoder<DistilBertConfig> {
  /** An untrained model. */
  constructor(
    gpu: Gpu,
    config: Partial<DistilBertConfig> = {},
    { seed = 0 }: { seed?: number } = {},
  ) {
    super(gpu, distilBertConfig(config), {
      names: NAMES,
      embeddings: "distilbert.embeddings",
      block: blockNames,
      attentionOutDropout: 0, // unlike BERT's, and so it is in transformers
      pooler: { name: "pre_classifier", activation: "relu" },
    }, seed);
  }

  /** Reads config.json and model.safetensors as Hugging Face writes them. */
  static load(
    gpu: Gpu,
    files: ModelFiles,
    { classes, ...options }: LoadOptions & { classes?: number } = {},
  ): Promise<DistilBert> {
    const given = classes === undefined ? {} : { classes };
    const make = (json: ConfigJson) =>
      new DistilBert(gpu, { ...distilBertConfigFromJson(json), ...given }, options);
    return loadModel(files, make, options);
  }

  /** A model of weights that are in memory; `config` is the content of config.json. */
  static fromTensors(gpu: Gpu, config: ConfigJson, source: WeightSource): DistilBert {
    return withWeights(new DistilBert(gpu, distilBertConfigFromJson(config)), source);
  }

  override configJson(): ConfigJson {
    return distilBertConfigToJson(this.config);
  }
}

function blockNames(layer: number): BlockNames {
  const block = `distilbert.transformer.layer.${layer}`;
  return {
    query: `${block}.attention.q_lin`,
    key: `${block}.attention.k_lin`,
    value: `${block}.attention.v_lin`,
    attentionOut: `${block}.attention.out_lin`,
    attentionNorm: `${block}.sa_layer_norm`,
    inner: `${block}.ffn.lin1`,
    innerOut: `${block}.ffn.lin2`,
    outNorm: `${block}.output_layer_norm`,
  };
}
