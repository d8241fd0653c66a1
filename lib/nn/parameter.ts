import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** First elements of a parameter: from a normal distribution of this deviation, or all equal. */
export type Initial = { normal: number } | { constant: number };

/**
 * A weight of a model. It is declared first, with its shape; its tensor exists once all weights of
 * the model have been laid out in memory, see `Parameters.allocate`.
 */
export class Parameter {
  #tensor: Tensor | undefined;

  constructor(
    /** Its first name in Hugging Face's files. */
    readonly name: string,
    readonly shape: Shape,
    readonly initial: Initial,
    /**
     * Names in files of the parts it is stacked from along its first dimension, all equally long:
     * queries, keys and values of BERT, which one product computes.
     */
    readonly parts: readonly string[] = [name],
  ) {}

  /** The elements on the device. */
  get tensor(): Tensor {
    if (this.#tensor) return this.#tensor;
    throw new Error(`Parameter "${this.name}" has no elements yet: call allocate() first.`);
  }

  set tensor(tensor: Tensor) {
    this.#tensor = tensor;
  }

  /** Whether weight decay applies to it: not to biases and norms, which are vectors. */
  get decays(): boolean {
    return this.shape.length > 1;
  }
}
