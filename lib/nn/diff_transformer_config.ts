import { checkSizes, ConfigError, numberOf } from "./config.ts";
import type { ConfigJson } from "./model.ts";

/** How tokens attend to each other. */
export type AttentionKind = "differential" | "softmax";

/** Sizes and options of a differential transformer, or of the ordinary one beside it. */
export interface DiffTransformerConfig {
  /** "softmax" is the ordinary transformer with all other parts the same. */
  attention: AttentionKind;
  vocabulary: number;
  width: number;
  layers: number;
  /**
   * Heads of ordinary attention, each width / heads wide. Differential attention has half as many,
   * with two pairs of queries and keys of that width and values of twice that width.
   */
  heads: number;
  /** Width inside the feed-forward layers (default 8/3 · width, rounded up to a multiple of 16). */
  inner: number;
  normEps: number;
  /** Base of the rotary embeddings' angles. */
  rotaryBase: number;
  /** Deviation of the first weights. */
  initializerRange: number;
  /** Deviation of the first numbers of λ's vectors; with 0 they would never be learned. */
  lambdaRange: number;
  /** λ_init of each layer (default {@linkcode lambdaInit}). */
  lambdaInit: readonly number[];
  /** What each layer's heads are multiplied by after their norm (default 1 − λ_init). */
  headScale: readonly number[];
  /** Whether a token sees only itself and those before it. */
  causal: boolean;
}

/**
 * λ_init = 0.8 − 0.6 · exp(−0.3 · (layer − 1)) (Ye et al., "Differential Transformer", 2024, section
 * 2.1).
 *
 * @param layer counted from 1; the authors' code counts from 0 and leaves out the −1.
 */
export function lambdaInit(layer: number): number {
  if (!(Number.isSafeInteger(layer) && layer >= 1)) {
    throw new RangeError(`lambdaInit(): layer is ${layer}; expected a whole number of at least 1.`);
  }
  return 0.8 - 0.6 * Math.exp(-0.3 * (layer - 1));
}

/** A small model's configuration, but for what is given. */
export function diffTransformerConfig(
  given: Partial<DiffTransformerConfig> = {},
): DiffTransformerConfig {
  const width = given.width ?? 128, layers = given.layers ?? 4;
  const initial = given.lambdaInit ?? Array.from({ length: layers }, (_, i) => lambdaInit(i + 1));
  const config: DiffTransformerConfig = {
    attention: "differential",
    vocabulary: 256,
    width,
    layers,
    heads: 4,
    inner: Math.ceil(8 * width / 3 / 16) * 16,
    normEps: 1e-5,
    rotaryBase: 10_000,
    initializerRange: 0.02,
    lambdaRange: 0.1,
    lambdaInit: initial,
    headScale: initial.map((lambda) => 1 - lambda),
    causal: true,
    ...given,
  };
  const { attention, vocabulary, heads, inner } = config;
  checkSizes({ vocabulary, width, layers, heads, inner }, width, heads);
  if (width / heads % 2 !== 0) {
    throw new ConfigError(
      `A head is ${width} / ${heads} = ${
        width / heads
      } wide; rotary embeddings need an even width.`,
    );
  }
  if (attention !== "differential" && attention !== "softmax") {
    throw new ConfigError(
      `attention is ${JSON.stringify(attention)}; expected "differential" or "softmax".`,
    );
  }
  if (attention === "differential" && heads % 2 !== 0) {
    throw new ConfigError(
      `heads is ${heads}; differential attention joins two to one and needs an even number.`,
    );
  }
  for (const name of ["lambdaInit", "headScale"] as const) {
    const values = config[name];
    if (values.length !== layers || values.some((value) => !Number.isFinite(value))) {
      throw new ConfigError(
        `${name} is [${values.join(", ")}]; expected one finite number for each of the ${layers} ` +
          `layers.`,
      );
    }
  }
  return config;
}

/** Keys of config.json, for the numbers among the options. */
const NUMBERS = {
  vocabulary: "vocab_size",
  width: "hidden_size",
  layers: "num_hidden_layers",
  heads: "num_attention_heads",
  inner: "intermediate_size",
  normEps: "rms_norm_eps",
  rotaryBase: "rope_theta",
  initializerRange: "initializer_range",
  lambdaRange: "lambda_range",
} as const;

/** From a config.json that {@linkcode diffTransformerConfigToJson} made. */
export function diffTransformerConfigFromJson(json: ConfigJson): DiffTransformerConfig {
  const numbers = Object.fromEntries(
    Object.entries(NUMBERS).map(([option, key]) => [option, numberOf(json, key)]),
  );
  const list = (key: string) => {
    const value = json[key];
    if (Array.isArray(value)) return value as number[];
    throw new ConfigError(`config.json: ${key} is ${JSON.stringify(value)}; expected a list.`);
  };
  return diffTransformerConfig({
    ...numbers,
    attention: json.attention as AttentionKind,
    lambdaInit: list("lambda_init"),
    headScale: list("head_scale"),
    causal: json.causal !== false,
  });
}

/** To config.json; the keys are those of Hugging Face's Llama where it has the option. */
export function diffTransformerConfigToJson(config: DiffTransformerConfig): ConfigJson {
  return {
    model_type: "cutloss_diff_transformer",
    attention: config.attention,
    ...Object.fromEntries(
      Object.entries(NUMBERS).map(([option, key]) => [key, config[option as keyof typeof NUMBERS]]),
    ),
    lambda_init: config.lambdaInit,
    head_scale: config.headScale,
    causal: config.causal,
    tie_word_embeddings: true,
  };
}
