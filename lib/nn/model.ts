import type { Gpu } from "../tensor/gpu.ts";
import { ConfigError } from "./config.ts";
import { loadWeights, type WeightNames } from "./load_weights.ts";
import type { ModelFiles, TensorToSave, WeightSource } from "./model_files.ts";
import type { Parameter } from "./parameter.ts";
import { Parameters } from "./parameters.ts";

/** The content of a config.json. */
export type ConfigJson = Readonly<Record<string, unknown>>;

/** How a model is read. */
export interface LoadOptions {
  /** Lets the file lack the head, which then starts untrained (default: an error). */
  newHead?: boolean;
  /** For the weights of such a head. */
  seed?: number;
}

/** Extent of a batch. */
export interface BatchSize {
  /** Number of sequences, and of tokens in each, padding included. */
  batch: number;
  time: number;
  /** Labels that count: the loss is the mean over them. */
  targets: number;
}

/**
 * What all models share: named weights, reading and writing. A model of your own declares its
 * weights in the constructor (layers do that), and calls `weights.allocate()` at its end.
 */
export abstract class Model implements Disposable {
  readonly weights: Parameters;

  constructor(readonly gpu: Gpu) {
    this.weights = new Parameters(gpu);
  }

  /** How files name the weights (default: as they were declared). */
  readonly names: WeightNames = { model: "model", prefix: "", ignored: [] };

  /** The configuration as Hugging Face's config.json has it (default: nothing). */
  configJson(): ConfigJson {
    return {};
  }

  /**
   * Bytes that a training step stores between the forward and the backward pass, by estimate. A
   * model without this method is trained without a plan of the memory.
   *
   * @param checkpoint whether blocks are computed again on the way back.
   */
  activationBytes?(size: { batch: number; time: number; checkpoint?: boolean }): number;

  /** All weights, in the order of the model. */
  parameters(): readonly Parameter[] {
    return this.weights.all;
  }

  /** Weights under Hugging Face's names; the elements are fetched from the device when asked for. */
  toTensors(): Map<string, TensorToSave> {
    return new Map(
      [...this.weights.named()].map(({ name, shape, weights }) => [name, {
        shape,
        data: async () => new Float32Array((await this.gpu.readBytes([weights]))[0]),
      }]),
    );
  }

  /**
   * Takes over the weights of a file; see {@linkcode loadWeights}. With `newHead`, a head that the file
   * lacks stays as it is.
   */
  setTensors(source: WeightSource, options: Pick<LoadOptions, "newHead"> = {}): void {
    loadWeights(this.weights, source, this.names, options);
  }

  /** Writes config.json and model.safetensors, which Hugging Face's library loads. */
  async save(files: ModelFiles): Promise<void> {
    await files.writeText("config.json", JSON.stringify(this.configJson(), null, 2) + "\n");
    await files.writeTensors("model.safetensors", this.toTensors());
  }

  /** Frees the weights and their gradients. */
  dispose(): void {
    this.weights[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Gives a new model the weights of a file, or frees it. */
export function withWeights<M extends Model>(
  model: M,
  source: WeightSource,
  options: LoadOptions = {},
): M {
  try {
    model.setTensors(source, options);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Reads config.json and model.safetensors into a model made from the configuration. */
export async function loadModel<M extends Model>(
  files: ModelFiles,
  make: (config: ConfigJson) => M,
  options: LoadOptions = {},
): Promise<M> {
  const config = parseConfig(await files.readText("config.json"));
  using source = await files.openTensors("model.safetensors");
  return withWeights(make(config), source, options);
}

function parseConfig(text: string): ConfigJson {
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === "object" && config && !Array.isArray(config)) return config as ConfigJson;
  } catch {
    // Told below, with the file's name.
  }
  throw new ConfigError(`config.json is no JSON object; it begins with "${text.slice(0, 40)}".`);
}
