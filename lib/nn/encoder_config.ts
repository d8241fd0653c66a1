/** What the configurations of BERT and DistilBERT share. */
import {
  type ActivationName,
  activationOf,
  checkDropouts,
  checkSizes,
  labelNames,
  labelsOf,
  numberOf,
  savedJson,
} from "./config.ts";
import type { BlockConfig } from "./encoder_block.ts";
import type { ConfigJson } from "./model.ts";

/** Sizes and options of an encoder with a classification head. */
export interface EncoderConfig extends Omit<BlockConfig, "attentionOutDropout"> {
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

/** How Hugging Face's config.json names what a configuration has. */
export interface ConfigNames<Config extends EncoderConfig> {
  numbers: { readonly [Key in keyof Config]?: string };
  activation: string;
}

/** The configuration of the base size, but for what is given. */
export function encoderConfig<Config extends EncoderConfig>(
  usual: Omit<Config, keyof EncoderConfig> & Pick<Config, "layers" | "classifierDropout">,
  given: Partial<Config>,
): Config {
  const config = {
    vocabulary: 30522,
    positions: 512,
    width: 768,
    heads: 12,
    inner: 4 * (given.width ?? 768),
    activation: "gelu",
    normEps: 1e-12,
    initializerRange: 0.02,
    dropout: 0.1,
    attentionDropout: 0.1,
    classes: 2,
    json: {},
    ...usual,
    ...given,
  } as Config;
  const { vocabulary, positions, width, layers, heads, inner, classes } = config;
  checkSizes({ vocabulary, positions, width, layers, heads, inner, classes }, width, heads);
  const { dropout, attentionDropout, classifierDropout } = config;
  checkDropouts({ dropout, attentionDropout, classifierDropout });
  activationOf(config.activation);
  return config;
}

/** What a config.json says; `usual` for what it leaves out. */
export function encoderFromJson<Config extends EncoderConfig>(
  json: ConfigJson,
  names: ConfigNames<Config>,
  usual: Config,
): Config {
  const numbers = (Object.entries(names.numbers) as [keyof Config, string][])
    .map(([name, key]) => [name, numberOf(json, key, usual[name] as number)]);
  return {
    ...usual,
    ...Object.fromEntries(numbers),
    activation: (json[names.activation] ?? usual.activation) as ActivationName,
    classes: labelsOf(json),
    json,
  };
}

/** To Hugging Face's config.json; `fixed` are entries of every model of this kind. */
export function encoderToJson<Config extends EncoderConfig>(
  config: Config,
  names: ConfigNames<Config>,
  fixed: ConfigJson,
): ConfigJson {
  const { json, classes, activation } = config;
  const named = json.id2label && labelsOf(json) === classes;
  const numbers = (Object.entries(names.numbers) as [keyof Config, string][])
    .map(([name, key]) => [key, config[name]]);
  return {
    ...savedJson(json),
    ...(named ? {} : labelNames(classes)),
    ...Object.fromEntries(numbers),
    [names.activation]: activation,
    ...fixed,
  };
}
