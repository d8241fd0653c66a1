import { linearCrossEntropy } from "../losses/linear_cross_entropy.ts";
import * as ops from "../ops/mod.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { readWithoutGrad } from "../tensor/read_without_grad.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { runBlocks, storedBytes } from "./blocks.ts";
import {
  type DiffTransformerConfig,
  diffTransformerConfig,
  diffTransformerConfigFromJson,
  diffTransformerConfigToJson,
} from "./diff_transformer_config.ts";
import { nextTokenLabels, type Rows, textSize, toRows } from "./inputs.ts";
import { Embedding, Linear, RmsNorm } from "./layers.ts";
import type { WeightNames } from "./load_weights.ts";
import {
  type BatchSize,
  type ConfigJson,
  loadModel,
  type LoadOptions,
  Model,
  withWeights,
} from "./model.ts";
import type { ModelFiles, WeightSource } from "./model_files.ts";
import type { TrainingStep } from "./random_sites.ts";
import {
  type AttentionParts,
  DiffAttention,
  outputDeviation,
  type RotaryAttention,
  SoftmaxAttention,
} from "./rotary_attention.ts";

/** A batch of sequences, of equal length; what fills up shorter ones goes to their end. */
export interface DiffTransformerBatch {
  /** Token ids [B, T]. */
  ids: Rows;
  /** What is learned, [B, T], −100 where nothing is (default: ids). Position t predicts label t + 1. */
  labels?: Rows;
}

/** How a pass through the model is made. */
export interface DiffTransformerPass {
  /** Of no effect, since there is no dropout; `train` gives it. */
  training?: TrainingStep;
  /** Stores only what enters each block and computes the rest again on the way back. */
  checkpoint?: boolean;
  /** Who looks inside, under `noGrad()`. */
  look?: Look;
}

/** Is shown what a pass computes, layers counted from 1; tensors are freed after the call. */
export interface Look {
  attention?(layer: number, parts: AttentionParts): void;
  /** What leaves a block, [B, T, D]. */
  output?(layer: number, x: Tensor): void;
}

/** Attention and SwiGLU, each behind an RMS norm and added to the residual. */
export class DiffTransformerBlock {
  readonly norm1: RmsNorm;
  readonly attention: RotaryAttention;
  readonly norm2: RmsNorm;
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;

  /** @param layer counted from 1. */
  constructor(model: Model, name: string, config: DiffTransformerConfig, readonly layer: number) {
    const { width, inner, normEps, initializerRange: deviation } = config;
    const p = model.weights, bias = false;
    this.norm1 = new RmsNorm(p, `${name}.input_layernorm`, width, normEps);
    this.attention = config.attention === "differential"
      ? new DiffAttention(p, `${name}.self_attn`, config, layer)
      : new SoftmaxAttention(p, `${name}.self_attn`, config);
    this.norm2 = new RmsNorm(p, `${name}.post_attention_layernorm`, width, normEps);
    this.gate = new Linear(p, `${name}.mlp.gate_proj`, width, inner, { deviation, bias });
    this.up = new Linear(p, `${name}.mlp.up_proj`, width, inner, { deviation, bias });
    const small = { deviation: outputDeviation(config), bias };
    this.down = new Linear(p, `${name}.mlp.down_proj`, inner, width, small);
  }

  forward(x: Tensor, look?: Look): Tensor {
    using normal1 = this.norm1.forward(x);
    const lookInside = (parts: AttentionParts) => look?.attention?.(this.layer, parts);
    using middle = this.attention.forward(normal1, x, lookInside);
    using normal2 = this.norm2.forward(middle);
    using gate = this.gate.forward(normal2);
    using up = this.up.forward(normal2);
    using inner = ops.swiglu(gate, up);
    const output = this.down.forward(inner, { residual: middle });
    look?.output?.(this.layer, output);
    return output;
  }
}

/**
 * The differential transformer (Ye et al., "Differential Transformer", 2024), or with
 * `attention: "softmax"` the ordinary transformer that it is compared with: both have RMS norms
 * before their layers, rotary embeddings, SwiGLU, no biases, and a head that is the token embedding.
 *
 * At equal sizes the differential one has 6·d parameters a layer more, d = width / heads: four
 * vectors for λ and the weights of the heads' norm.
 *
 * ```ts
 * import { Gpu } from "cutloss";
 * import { DiffTransformer } from "cutloss/nn/mod.ts";
 * using gpu = await Gpu.open();
 * using model = new DiffTransformer(gpu, { vocabulary: 50, width: 16, layers: 1, heads: 2 });
 * using loss = model.loss({ ids: [[3, 1, 4, 1, 5]] });
 * loss.backward();
 * console.log(await loss.item()); // about ln 50
 * ```
 */
export class DiffTransformer extends Model {
  readonly config: DiffTransformerConfig;
  readonly tokens: Embedding;
  readonly blocks: readonly DiffTransformerBlock[];
  readonly norm: RmsNorm;
  override readonly names: WeightNames = {
    model: "differential transformer",
    prefix: "model.",
    ignored: [/^lm_head\.weight$/],
  };

  /** An untrained model. Weights of the same name start equal in both kinds. */
  constructor(
    gpu: Gpu,
    config: Partial<DiffTransformerConfig> = {},
    { seed = 0 }: { seed?: number } = {},
  ) {
    super(gpu);
    const all = this.config = diffTransformerConfig(config);
    const { vocabulary, width, layers, normEps, initializerRange: deviation } = all;
    this.tokens = new Embedding(this.weights, "model.embed_tokens", vocabulary, width, {
      deviation,
    });
    this.blocks = Array.from(
      { length: layers },
      (_, i) => new DiffTransformerBlock(this, `model.layers.${i}`, all, i + 1),
    );
    this.norm = new RmsNorm(this.weights, "model.norm", width, normEps);
    this.weights.allocate({ seed });
  }

  /** Reads the config.json and model.safetensors that `save` wrote. */
  static load(gpu: Gpu, files: ModelFiles, options: LoadOptions = {}): Promise<DiffTransformer> {
    return loadModel(
      files,
      (json) => new DiffTransformer(gpu, diffTransformerConfigFromJson(json), options),
      options,
    );
  }

  /** A model of weights that are in memory; `config` is the content of config.json. */
  static fromTensors(gpu: Gpu, config: ConfigJson, source: WeightSource): DiffTransformer {
    return withWeights(new DiffTransformer(gpu, diffTransformerConfigFromJson(config)), source);
  }

  override configJson(): ConfigJson {
    return diffTransformerConfigToJson(this.config);
  }

  /** What the last block gives, normalised: [B, T, D]. */
  hidden(
    { ids }: DiffTransformerBatch,
    { checkpoint = false, look }: DiffTransformerPass = {},
  ): Tensor {
    using tokens = toRows(this.gpu, "ids", ids);
    using last = runBlocks(
      this.blocks,
      this.tokens.forward(tokens),
      undefined,
      (block, x) => block.forward(x, look),
      checkpoint,
    );
    return this.norm.forward(last);
  }

  /** Unnormalised log-probabilities of the next token at every position, [B, T, V]. */
  logits(batch: DiffTransformerBatch, options: DiffTransformerPass = {}): Tensor {
    using hidden = this.hidden(batch, options);
    return ops.linear(hidden, this.tokens.weight.tensor);
  }

  /**
   * The mean cross-entropy of the next token, in nats, over the labels that count; 0 if none does.
   *
   * @throws {TypeError | RangeError} if ids or labels are no rows of one shape or not in the vocabulary,
   *   or if a sequence has one token only.
   */
  loss(batch: DiffTransformerBatch, options: DiffTransformerPass = {}): Tensor {
    const labels = nextTokenLabels(batch);
    using hidden = this.hidden(batch, options);
    return linearCrossEntropy(hidden, this.tokens.weight.tensor, labels.data, { shift: 1 });
  }

  /** How large a batch is, and how many of its labels count. */
  measure(batch: DiffTransformerBatch): BatchSize {
    return textSize(batch);
  }

  /** λ of every layer as it is now; none in an ordinary transformer. */
  async lambdas(): Promise<number[]> {
    const found = await readWithoutGrad(this.gpu, (hold) => {
      for (const { attention } of this.blocks) {
        if (attention instanceof DiffAttention) hold(attention.lambda());
      }
    });
    return found.map(([value]) => value);
  }

  override activationBytes(size: { batch: number; time: number; checkpoint?: boolean }): number {
    const { inner } = this.config;
    // SwiGLU stores gate, up and their product where GELU stores two.
    return storedBytes({ ...this.config, inner: 1.5 * inner, ...size });
  }
}
