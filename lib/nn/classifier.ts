/** What encoders with a classification head share. */
import { checkRange } from "../ops/check.ts";
import { crossEntropy } from "../ops/mod.ts";
import { formatShape, ShapeError } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PassOptions } from "./gpt2.ts";
import { hostRows, type Rows, wholeNumbers } from "./inputs.ts";
import { type BatchSize, Model } from "./model.ts";

/** A batch of texts with a class each. */
export interface ClassifierBatch {
  /** Token ids [B, T]. */
  ids: Rows;
  /** 1 for tokens, 0 for padding, [B, T]. */
  mask?: Rows;
  /** Which of two texts a token belongs to, 0 or 1, [B, T] (default 0; DistilBERT has none). */
  types?: Rows;
  /** The class of each text, [B]; −100 where it does not count. */
  labels?: Int32Array | readonly number[];
}

/** A model that gives every text a number for each class. */
export abstract class Classifier extends Model {
  /** Most tokens of a text. */
  get longest(): number {
    return Infinity;
  }

  /** One number for each class, [B, classes]. */
  abstract logits(batch: ClassifierBatch, options?: PassOptions): Tensor;

  /**
   * The mean cross-entropy of the classes, in nats.
   *
   * @throws {TypeError | RangeError} if labels are missing, do not fit ids or are no classes, or if there
   *   is one class only.
   */
  loss(batch: ClassifierBatch, options: PassOptions = {}): Tensor {
    const { labels } = batch;
    if (!labels) throw new TypeError("loss() needs labels, the class of each text.");
    using logits = this.logits(batch, options);
    const [count, classes] = logits.shape;
    if (classes === 1) {
      throw new RangeError(
        "loss(): the model has one class, so that every loss is 0; expected two or more " +
          "(transformers trains a regression there, which this model does not have).",
      );
    }
    if (labels.length !== count) {
      throw new ShapeError(
        `labels has ${labels.length} classes; expected one for each of the ${count} texts of ids ` +
          `(logits are ${formatShape(logits.shape)}).`,
      );
    }
    const numbers = wholeNumbers("labels", labels);
    checkRange("loss", "labels", numbers, classes, -100);
    using targets = this.gpu.tensor(numbers, [count], { label: "labels" });
    return crossEntropy(logits, targets);
  }

  /** How large a batch is, and how many of its labels count. */
  measure({ ids, labels = [] }: ClassifierBatch): BatchSize {
    const { shape: [batch, time] } = hostRows("ids", ids);
    return { batch, time, targets: Array.from(labels).filter((label) => label !== -100).length };
  }
}
