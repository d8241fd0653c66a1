import type { Gpu } from "../tensor/gpu.ts";
import {
  type BertConfig,
  bertConfig,
  bertConfigFromJson,
  bertConfigToJson,
} from "./bert_config.ts";
import type { BlockNames } from "./encoder_block.ts";
import { Encoder } from "./encoder.ts";
import { type ConfigJson, loadModel, type LoadOptions, withWeights } from "./model.ts";
import type { ModelFiles, WeightSource } from "./model_files.ts";

const NAMES = {
  model: "BERT",
  prefix: "bert.",
  ignored: [/^cls\./, /embeddings\.position_ids$/],
  head: /^classifier\.|\.pooler\./,
};

/**
 * BERT with a classification head (Devlin et al., "BERT: pre-training of deep bidirectional
 * transformers", 2019), equal to Hugging Face's `BertForSequenceClassification`.
 *
 * ```ts ignore
 * using model = await Bert.load(gpu, modelDir("models/bert-base-uncased"), { newHead: true });
 * const loss = model.loss({ ids, mask, labels });
 * ```
 */
export class Bert extends Encoder<BertConfig> {
  /** An untrained model. */
  constructor(
    gpu: Gpu,
    config: Partial<BertConfig> = {},
    { seed = 0 }: { seed?: number } = {},
  ) {
    const all = bertConfig(config);
    super(gpu, all, {
      names: NAMES,
      embeddings: "bert.embeddings",
      types: all.types,
      block: blockNames,
      pooler: { name: "bert.pooler.dense", activation: "tanh" },
    }, seed);
  }

  /** Reads config.json and model.safetensors as Hugging Face writes them. */
  static load(
    gpu: Gpu,
    files: ModelFiles,
    { classes, ...options }: LoadOptions & { classes?: number } = {},
  ): Promise<Bert> {
    const given = classes === undefined ? {} : { classes };
    const make = (json: ConfigJson) =>
      new Bert(gpu, { ...bertConfigFromJson(json), ...given }, options);
    return loadModel(files, make, options);
  }

  /** A model of weights that are in memory; `config` is the content of config.json. */
  static fromTensors(gpu: Gpu, config: ConfigJson, source: WeightSource): Bert {
    return withWeights(new Bert(gpu, bertConfigFromJson(config)), source);
  }

  override configJson(): ConfigJson {
    return bertConfigToJson(this.config);
  }
}

function blockNames(layer: number): BlockNames {
  const block = `bert.encoder.layer.${layer}`, attention = `${block}.attention`;
  return {
    query: `${attention}.self.query`,
    key: `${attention}.self.key`,
    value: `${attention}.self.value`,
    attentionOut: `${attention}.output.dense`,
    attentionNorm: `${attention}.output.LayerNorm`,
    inner: `${block}.intermediate.dense`,
    innerOut: `${block}.output.dense`,
    outNorm: `${block}.output.LayerNorm`,
  };
}
