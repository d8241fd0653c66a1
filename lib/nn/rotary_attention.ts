/** Attention with rotary embeddings: differential, and ordinary beside it. */
import * as ops from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { DiffTransformerConfig } from "./diff_transformer_config.ts";
import { Linear, RmsNorm } from "./layers.ts";
import type { Parameter } from "./parameter.ts";
import type { Parameters } from "./parameters.ts";

/** What attention computes on its way, for those who look inside. */
export interface AttentionParts {
  /** Queries and keys, rotated, [B, T, H, d]: of one map, or of the two that are subtracted. */
  maps: readonly { q: Tensor; k: Tensor }[];
  /** Values [B, T, H, dv]. */
  v: Tensor;
  /** Factor of the second map, [1]. */
  lambda?: Tensor;
  /** Weights times values, [B, T, H, dv], before any norm. */
  attended: Tensor;
}

/** Attention, from x [B, T, D] to residual + attention(x). */
export interface RotaryAttention {
  forward(x: Tensor, residual: Tensor, look?: (parts: AttentionParts) => void): Tensor;
}

/** Projection from D to D, with no bias. */
type Projections = (name: string, outputs?: number) => Linear;

/** Declares a projection of a layer. */
function projections(p: Parameters, prefix: string, config: DiffTransformerConfig): Projections {
  const { width, initializerRange: deviation } = config;
  return (name, outputs = width) =>
    new Linear(p, `${prefix}.${name}`, width, outputs, { deviation, bias: false });
}

/** Each block adds to the residual twice: its sum keeps its size if the parts are smaller. */
export function outputDeviation({ initializerRange, layers }: DiffTransformerConfig): number {
  return initializerRange / Math.sqrt(2 * layers);
}

/** x · Wᵀ as heads, [B, T, H, width of a head], rotated if it is a query or a key. */
function heads(x: Tensor, layer: Linear, width: number, base?: number): Tensor {
  const [batch, time] = x.shape;
  using flat = layer.forward(x);
  const shape = [batch, time, flat.shape[2] / width, width];
  if (base === undefined) return ops.reshape(flat, shape);
  using split = ops.reshape(flat, shape);
  return ops.rotary(split, { base });
}

/** softmax(q·kᵀ/√d)·v with `heads` heads (Vaswani et al. 2017), q and k rotated (Su et al. 2021). */
export class SoftmaxAttention implements RotaryAttention {
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly out: Linear;

  constructor(p: Parameters, name: string, readonly config: DiffTransformerConfig) {
    const make = projections(p, name, config);
    this.q = make("q_proj");
    this.k = make("k_proj");
    this.v = make("v_proj");
    const { width } = config, deviation = outputDeviation(config);
    this.out = new Linear(p, `${name}.o_proj`, width, width, { deviation, bias: false });
  }

  forward(x: Tensor, residual: Tensor, look?: (parts: AttentionParts) => void): Tensor {
    const { rotaryBase, causal, width } = this.config, d = width / this.config.heads;
    using q = heads(x, this.q, d, rotaryBase);
    using k = heads(x, this.k, d, rotaryBase);
    using v = heads(x, this.v, d);
    using attended = ops.attention(q, k, v, { causal });
    look?.({ maps: [{ q, k }], v, attended });
    using joined = ops.reshape(attended, x.shape);
    return this.out.forward(joined, { residual });
  }
}

/**
 * Differential attention (Ye et al., "Differential Transformer", 2024, section 2.1): heads / 2 heads,
 * each with two pairs of queries and keys of width d = D / heads and values of width 2d.
 *
 * ```text
 * head  = (softmax(q1·k1ᵀ/√d) − λ · softmax(q2·k2ᵀ/√d)) · v      [B, T, heads/2, 2d]
 * λ     = exp(λq1·λk1) − exp(λq2·λk2) + λ_init                   one a layer
 * out   = concat((1 − λ_init) · RMSNorm(head)) · Wo              [B, T, D]
 * ```
 */
export class DiffAttention implements RotaryAttention {
  readonly q1: Linear;
  readonly q2: Linear;
  readonly k1: Linear;
  readonly k2: Linear;
  readonly v: Linear;
  /** λq1, λk1, λq2, λk2 behind one another, [4·d]. */
  readonly vectors: Parameter;
  readonly norm: RmsNorm;
  readonly out: Linear;

  /** @param layer counted from 1. */
  constructor(
    p: Parameters,
    name: string,
    readonly config: DiffTransformerConfig,
    readonly layer: number,
  ) {
    const { width, normEps, lambdaRange } = config, d = width / config.heads;
    const make = projections(p, name, config);
    this.q1 = make("q1_proj", width / 2);
    this.q2 = make("q2_proj", width / 2);
    this.k1 = make("k1_proj", width / 2);
    this.k2 = make("k2_proj", width / 2);
    this.v = make("v_proj");
    const names = ["q1", "k1", "q2", "k2"].map((part) => `${name}.lambda_${part}`);
    this.vectors = p.declare(`${name}.lambda`, [4 * d], { normal: lambdaRange }, names);
    this.norm = new RmsNorm(p, `${name}.head_norm`, 2 * d, normEps);
    const deviation = outputDeviation(config);
    this.out = new Linear(p, `${name}.o_proj`, width, width, { deviation, bias: false });
  }

  /** λ as it is now, [1]. */
  lambda(): Tensor {
    return ops.diffLambda(this.vectors.tensor, this.config.lambdaInit[this.layer - 1]);
  }

  forward(x: Tensor, residual: Tensor, look?: (parts: AttentionParts) => void): Tensor {
    const { rotaryBase, causal, width, headScale } = this.config, d = width / this.config.heads;
    using q1 = heads(x, this.q1, d, rotaryBase);
    using k1 = heads(x, this.k1, d, rotaryBase);
    using q2 = heads(x, this.q2, d, rotaryBase);
    using k2 = heads(x, this.k2, d, rotaryBase);
    using v = heads(x, this.v, 2 * d);
    using lambda = this.lambda();
    using attended = ops.diffAttention(q1, k1, q2, k2, v, lambda, { causal });
    look?.({ maps: [{ q: q1, k: k1 }, { q: q2, k: k2 }], v, lambda, attended });
    using normal = this.norm.forward(attended);
    using scaled = ops.scale(normal, headScale[this.layer - 1]);
    using joined = ops.reshape(scaled, x.shape);
    return this.out.forward(joined, { residual });
  }
}
