/** Reading the values of a config.json, with sentences for what is wrong. */
import type { ConfigJson } from "./model.ts";

/** A configuration asks for something that a model does not have, or lacks what it needs. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/** A number of a configuration. */
export function numberOf(json: ConfigJson, key: string, missing?: number): number {
  const value = json[key] ?? missing;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new ConfigError(`config.json: ${key} is ${JSON.stringify(value)}; expected a number.`);
}

/** Throws if the configuration asks for a variant that is not there. */
export function refuse(json: ConfigJson, model: string, variants: ConfigJson): void {
  for (const [key, usual] of Object.entries(variants)) {
    const value = json[key];
    if (value === undefined || value === null || value === usual) continue;
    throw new ConfigError(
      `config.json: ${key} is ${JSON.stringify(value)}; this ${model} has only ${
        JSON.stringify(usual)
      }.`,
    );
  }
}

/**
 * A configuration to be written back: weights are saved as f32, whatever they were read as, and
 * transformers from version 5 on would round them to the type that config.json names.
 */
export function savedJson(json: ConfigJson): ConfigJson {
  const types = ["dtype", "torch_dtype"].filter((key) => key in json);
  return { ...json, ...Object.fromEntries(types.map((key) => [key, "float32"])) };
}

/** Name of an activation function in configurations. */
export type ActivationName = "gelu" | "gelu_new" | "gelu_pytorch_tanh" | "relu" | "tanh";

/** Activation functions by their names in configurations. */
const ACTIVATIONS: Record<ActivationName, "gelu" | "gelu_tanh" | "relu" | "tanh"> = {
  gelu: "gelu",
  gelu_new: "gelu_tanh",
  gelu_pytorch_tanh: "gelu_tanh",
  relu: "relu",
  tanh: "tanh",
};

/** The activation function named by a configuration. */
export function activationOf(name: ActivationName): "gelu" | "gelu_tanh" | "relu" | "tanh" {
  const activation = ACTIVATIONS[name];
  if (activation) return activation;
  throw new ConfigError(
    `The activation function is ${JSON.stringify(name)}; expected one of ${
      Object.keys(ACTIVATIONS).join(", ")
    }.`,
  );
}

/** Number of classes: of `id2label`, else of `num_labels`, else two, as in transformers. */
export function labelsOf(json: ConfigJson): number {
  const { id2label } = json;
  if (id2label && typeof id2label === "object") return Object.keys(id2label).length;
  return numberOf(json, "num_labels", 2);
}

/** The labels of classes that transformers would invent. */
export function labelNames(count: number): { id2label: ConfigJson; label2id: ConfigJson } {
  const names = Array.from({ length: count }, (_, i) => `LABEL_${i}`);
  return {
    id2label: Object.fromEntries(names.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
}

/** Throws unless these are probabilities of dropping. */
export function checkDropouts(dropouts: Record<string, number>): void {
  for (const [name, p] of Object.entries(dropouts)) {
    if (p >= 0 && p < 1) continue;
    throw new ConfigError(`${name} is ${p}; expected a probability, 0 ≤ p < 1.`);
  }
}

/** Throws unless sizes are whole and positive, and the width is a multiple of the heads. */
export function checkSizes(sizes: Record<string, number>, width: number, heads: number): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!(Number.isSafeInteger(size) && size > 0)) {
      throw new ConfigError(`${name} is ${size}; expected a whole number of at least 1.`);
    }
  }
  if (width % heads !== 0) {
    throw new ConfigError(`The width ${width} is no multiple of the number of heads, ${heads}.`);
  }
}
