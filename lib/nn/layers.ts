/** Layers: an operation with its weights, declared under their names in Hugging Face's files. */
import * as ops from "../ops/mod.ts";
import type { LinearOptions } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Parameter } from "./parameter.ts";
import type { Parameters } from "./parameters.ts";
import { randomSite, type TrainingStep } from "./random_sites.ts";

/** Names of a weight and of its bias in files. */
const pair = (name: string) => [`${name}.weight`, `${name}.bias`] as const;

/** y = x · Wᵀ + b; see `linear`. */
export class Linear {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly layout: "out,in" | "in,out";

  /**
   * @param names one name, or those of several layers of the same input which are computed as one:
   * their outputs lie side by side.
   * @param outputs of all of them together.
   * @param options `bias: false` leaves out b.
   */
  constructor(
    parameters: Parameters,
    names: string | readonly string[],
    inputs: number,
    outputs: number,
    { deviation, layout = "out,in", bias: biased = true }: {
      deviation: number;
      layout?: "out,in" | "in,out";
      bias?: boolean;
    },
  ) {
    const all = typeof names === "string" ? [names] : names;
    if (all.length > 1 && layout !== "out,in") {
      throw new TypeError(`Linear(): layers of layout ${layout} cannot be stacked.`);
    }
    const [weight, bias] = pair(all.length > 1 ? `[${all.join(", ")}]` : all[0]);
    const shape = layout === "out,in" ? [outputs, inputs] : [inputs, outputs];
    this.layout = layout;
    this.weight = parameters.declare(
      weight,
      shape,
      { normal: deviation },
      all.map((name) => pair(name)[0]),
    );
    const biases = all.map((name) => pair(name)[1]);
    this.bias = biased ? parameters.declare(bias, [outputs], { constant: 0 }, biases) : undefined;
  }

  /** @param x […, inputs]; the result is […, outputs]. */
  forward(x: Tensor, options: Omit<LinearOptions, "weightLayout"> = {}): Tensor {
    const weightLayout = this.layout;
    return ops.linear(x, this.weight.tensor, this.bias?.tensor, { ...options, weightLayout });
  }
}

/** Layer norm with weight and bias; see `layerNorm`. */
export class LayerNorm {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(parameters: Parameters, name: string, width: number, readonly eps: number) {
    const [weight, bias] = pair(name);
    this.weight = parameters.declare(weight, [width], { constant: 1 });
    this.bias = parameters.declare(bias, [width], { constant: 0 });
  }

  forward(x: Tensor): Tensor {
    return ops.layerNorm(x, this.weight.tensor, this.bias.tensor, { eps: this.eps });
  }
}

/** RMS norm with weights; see `rmsNorm`. */
export class RmsNorm {
  readonly weight: Parameter;

  constructor(parameters: Parameters, name: string, width: number, readonly eps: number) {
    this.weight = parameters.declare(pair(name)[0], [width], { constant: 1 });
  }

  forward(x: Tensor): Tensor {
    return ops.rmsNorm(x, this.weight.tensor, { eps: this.eps });
  }
}

/** A table of vectors; see `embedding`. */
export class Embedding {
  readonly weight: Parameter;

  constructor(
    parameters: Parameters,
    name: string,
    readonly rows: number,
    width: number,
    { deviation }: { deviation: number },
  ) {
    this.weight = parameters.declare(`${name}.weight`, [rows, width], { normal: deviation });
  }

  /** @param ids i32 of any shape. */
  forward(ids: Tensor): Tensor {
    return ops.embedding(ids, this.weight.tensor);
  }

  /** The vectors of the first `count` rows, [count, width]. */
  first(count: number): Tensor {
    const { gpu } = this.weight.tensor;
    using ids = gpu.tensor(Int32Array.from({ length: count }, (_, i) => i), [count]);
    return this.forward(ids);
  }
}

/** dropout(x), if this is training; takes over x. */
export function dropped(
  x: Tensor,
  p: number,
  training: TrainingStep | undefined,
  site: number,
): Tensor {
  if (!training || p === 0) return x;
  using before = x;
  return ops.dropout(before, p, randomSite(training, site));
}

/**
 * residual + dropout(layer(x)): in one kernel where nothing is dropped.
 *
 * @param x the layer's input.
 */
export function addedTo(
  residual: Tensor,
  layer: Linear,
  x: Tensor,
  p: number,
  training: TrainingStep | undefined,
  site: number,
): Tensor {
  if (!training || p === 0) return layer.forward(x, { residual });
  using y = dropped(layer.forward(x), p, training, site);
  return ops.add(residual, y);
}
