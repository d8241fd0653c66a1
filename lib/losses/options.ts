/** Options of {@linkcode linearCrossEntropy}, checked and completed. */
import { checkKeys } from "../tensor/check_keys.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** How the loss of each token becomes the result. */
export type Reduction = "none" | "mean" | "sum";

/** Options of {@linkcode linearCrossEntropy}. */
export interface LinearCrossEntropyOptions {
  /**
   * How it is computed (default "cut"):
   * - "naive" stores all logits, N·V·4 bytes: the reference, for small shapes.
   * - "chunked" stores the logits of a block of rows at a time; with "mean" and "sum" the gradients
   *   are computed along with the loss. Exact, and the fastest when nothing may be skipped.
   * - "cut" keeps the logits in registers: the least memory.
   */
  impl?: "naive" | "chunked" | "cut";
  /** [V], added to the logits. */
  bias?: Tensor;
  /** Targets of this value do not count (default −100). */
  ignoreIndex?: number;
  /** Logits become softcap · tanh(logit / softcap), as in Gemma 2. */
  softcap?: number;
  /** Position t predicts the target of position t + shift within each sequence (default 0). */
  shift?: number;
  /** "mean" (default) over the tokens that count, "sum", or "none": one loss a token. */
  reduction?: Reduction;
  /**
   * For "cut": the backward pass leaves out what a token's probabilities in 128 neighbouring vocabulary
   * entries contribute, when each of them (but the target's) is below this. `null` (default) is exact,
   * "auto" is f32's machine epsilon / 32 as in Apple's implementation, the paper has 2⁻¹². With label
   * smoothing, which gives every entry a share, nothing is left out; nor with a bias where a kernel may
   * have fewer than ten storage buffers.
   */
  filterEps?: number | "auto" | null;
  /** ε: the target gets 1 − ε of the weight, the whole vocabulary shares the rest (default 0). */
  labelSmoothing?: number;
  /** Adds zLoss · lse² to each token's loss (default 0). */
  zLoss?: number;
  /**
   * [V]: what a token's loss is multiplied with, by its target. "mean" divides by the sum of the weights
   * of the tokens that count, as PyTorch does. Not with label smoothing, where PyTorch weighs otherwise.
   */
  weight?: ArrayLike<number>;
  /** See {@linkcode WithLse}. */
  returnLse?: false;
  /** See {@linkcode WithAccuracy}. */
  returnAccuracy?: false;
  /** Bytes of scratch memory for blocks of logits ("chunked", and "cut" without a filter). */
  scratchBytes?: number;
}

/** Options that ask for the log-sum-exp as well. */
export interface WithLse extends Omit<LinearCrossEntropyOptions, "returnLse"> {
  /** Also returns the log-sum-exp of each token's logits; gradients flow through it. */
  returnLse: true;
}

/** Options that ask for the accuracy as well. */
export interface WithAccuracy extends Omit<LinearCrossEntropyOptions, "returnAccuracy"> {
  /**
   * Also returns how often the target is the most likely entry (or one of several that are): the share
   * of the tokens that count for "mean", their number for "sum", 1 or 0 a token for "none". No gradient.
   */
  returnAccuracy: true;
}

/** Options that ask for both. */
export interface WithLseAndAccuracy
  extends Omit<LinearCrossEntropyOptions, "returnLse" | "returnAccuracy"> {
  returnLse: true;
  returnAccuracy: true;
}

/** Any of these. */
export type AnyOptions = LinearCrossEntropyOptions | WithLse | WithAccuracy | WithLseAndAccuracy;

/** The same with everything decided. */
export interface ResolvedOptions {
  impl: "naive" | "chunked" | "cut";
  ignoreIndex: number;
  /** 0: none. */
  softcap: number;
  shift: number;
  reduction: Reduction;
  /** 0: exact. */
  filterEps: number;
  labelSmoothing: number;
  zLoss: number;
  scratchBytes: number | undefined;
}

/** Names of the options. */
const OPTIONS: Record<keyof LinearCrossEntropyOptions, true> = {
  impl: true,
  bias: true,
  ignoreIndex: true,
  softcap: true,
  shift: true,
  reduction: true,
  filterEps: true,
  labelSmoothing: true,
  zLoss: true,
  weight: true,
  returnLse: true,
  returnAccuracy: true,
  scratchBytes: true,
};

/** f32's machine epsilon / 32, as Apple's cut_cross_entropy has it. */
const AUTO_FILTER = 2 ** -23 / 32;

/** Checks the options' values and fills in defaults. */
export function resolveOptions(options: AnyOptions): ResolvedOptions {
  checkKeys("linearCrossEntropy()", options, OPTIONS);
  const {
    impl = "cut",
    ignoreIndex = -100,
    softcap,
    shift = 0,
    reduction = "mean",
    filterEps = null,
    labelSmoothing = 0,
    zLoss = 0,
    weight,
    scratchBytes,
  } = options;
  const oneOf = (name: string, value: string, allowed: readonly string[]) => {
    if (!allowed.includes(value)) {
      throw new TypeError(
        `${name} is ${JSON.stringify(value)}; expected one of ${
          allowed.map((x) => JSON.stringify(x)).join(", ")
        }.`,
      );
    }
  };
  const number = (name: string, value: number, ok: boolean, expected: string) => {
    if (!ok || !Number.isFinite(value)) {
      throw new RangeError(`${name} is ${value}; expected ${expected}.`);
    }
  };
  oneOf("impl", impl, ["naive", "chunked", "cut"]);
  oneOf("reduction", reduction, ["none", "mean", "sum"]);
  number("ignoreIndex", ignoreIndex, Number.isInteger(ignoreIndex), "a whole number");
  if (softcap !== undefined) number("softcap", softcap, softcap > 0, "a positive number");
  number("shift", shift, Number.isInteger(shift) && shift >= 0, "a whole number of at least 0");
  number(
    "labelSmoothing",
    labelSmoothing,
    labelSmoothing >= 0 && labelSmoothing < 1,
    "a number from 0 up to, but not, 1",
  );
  number("zLoss", zLoss, zLoss >= 0, "a number of at least 0");
  if (scratchBytes !== undefined) {
    number("scratchBytes", scratchBytes, scratchBytes > 0, "a positive number of bytes");
  }
  let filter = 0;
  if (filterEps === "auto") filter = AUTO_FILTER;
  else if (filterEps !== null) {
    number(
      "filterEps",
      filterEps,
      typeof filterEps === "number" && filterEps > 0 && filterEps < 1,
      'a number between 0 and 1, "auto" or null',
    );
    filter = filterEps;
  }
  if (weight && labelSmoothing > 0) {
    throw new RangeError(
      `labelSmoothing is ${labelSmoothing} and there is a weight; expected one of the two.`,
    );
  }
  // Smoothing gives every entry of the vocabulary a share that adds up to ε: nothing is negligible.
  if (labelSmoothing > 0) filter = 0;
  return {
    impl,
    ignoreIndex,
    softcap: softcap ?? 0,
    shift,
    reduction,
    filterEps: filter,
    labelSmoothing,
    zLoss,
    scratchBytes,
  };
}
