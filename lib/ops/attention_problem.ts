/** What attention, packed attention and differential attention share on the host. */
import type { AttentionConstants } from "../../kernels/attention.ts";
import type { BufferSlice } from "../gpu/pool.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { formatShape, ShapeError } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkRange, checkShapeIs } from "./check.ts";
import { dropoutParams, type DropoutStream } from "./dropout.ts";

/** Which keys count. */
export interface AttentionMaskOptions {
  /**
   * A query sees keys up to its own position; with fewer queries than keys (a cache of keys), the
   * last query stands at the last key.
   */
  causal?: boolean;
  /** Keys of each sequence that count, from the first one: numbers from 0 to Tk, or i32 [B]. */
  keyLengths?: readonly number[] | Tensor;
  /** i32 [B, Tk]: keys whose flag is 0 do not count. */
  keyMask?: Tensor;
}

/** How attention attends. */
export interface AttentionOptions extends AttentionMaskOptions {
  /** What scores are multiplied by (default 1/√d). */
  scale?: number;
  /** Sets weights to 0 with probability p, see `dropout`. */
  dropout?: DropoutStream & { p: number };
}

/** Names of the options of `attention`. */
export const ATTENTION_OPTIONS: Readonly<Record<keyof AttentionOptions, true>> = {
  causal: true,
  keyLengths: true,
  keyMask: true,
  scale: true,
  dropout: true,
};

/** Sizes of a problem. */
export interface AttentionSizes {
  batch: number;
  heads: number;
  timeQ: number;
  timeK: number;
  widthQk: number;
  widthV: number;
}

/** A problem ready to be run: constants and parameters of its kernels. */
export interface AttentionProblem {
  sizes: AttentionSizes;
  constants: Omit<AttentionConstants, "tile">;
  params: Record<string, number>;
  /** Lengths or flags of keys, held for the way back. */
  keys: Tensor | undefined;
  bindings: { keys?: BufferSlice };
}

/**
 * Checks options and works out what the kernels need. The caller disposes of `keys`.
 *
 * @param maskName what the operation's callers know `keyMask` by.
 */
export function attentionProblem(
  operation: string,
  gpu: Gpu,
  sizes: AttentionSizes,
  packed: boolean,
  { causal = false, keyLengths, keyMask, scale, dropout }: AttentionOptions,
  maskName = "keyMask",
): AttentionProblem {
  const { batch, heads, timeQ, timeK, widthQk, widthV } = sizes;
  if (causal && timeK < timeQ) {
    throw new ShapeError(
      `${operation}(): causal attention of ${timeQ} queries to ${timeK} keys; expected at least as ` +
        `many keys as queries.`,
    );
  }
  if (keyLengths && keyMask) {
    throw new TypeError(
      `${operation}(): keyLengths and ${maskName} were both given; expected one.`,
    );
  }
  const factor = scale ?? 1 / Math.sqrt(widthQk);
  if (!Number.isFinite(factor)) {
    throw new RangeError(`${operation}(): scale is ${factor}; expected a finite number.`);
  }
  const dropped = dropout !== undefined && dropout.p > 0;
  const keys = keyMask
    ? maskTensor(operation, maskName, keyMask, batch, timeK)
    : keyLengths
    ? lengthsTensor(operation, gpu, keyLengths, batch, timeK)
    : undefined;
  const inner = heads * widthQk;
  return {
    sizes,
    constants: {
      mask: { causal, keys: keyMask ? "mask" : keyLengths ? "lengths" : "all" },
      widthQk,
      widthV,
      vector: widthQk % 4 === 0 && widthV % 4 === 0,
      packed,
      dropout: dropped,
    },
    params: {
      heads,
      time_q: timeQ,
      time_k: timeK,
      stride_q: packed ? 3 * inner : inner,
      stride_k: packed ? 3 * inner : inner,
      stride_v: packed ? 3 * inner : heads * widthV,
      offset_k: packed ? inner : 0,
      offset_v: packed ? 2 * inner : 0,
      scale: factor,
      ...(dropped ? dropoutParams(operation, dropout.p, dropout) : {}),
    },
    keys,
    bindings: keys ? { keys: keys.slice } : {},
  };
}

function maskTensor(
  operation: string,
  name: string,
  mask: Tensor,
  batch: number,
  time: number,
): Tensor {
  checkShapeIs(operation, name, mask, [batch, time], "(sequences, keys)");
  checkInts(operation, name, mask);
  return mask.alias();
}

function lengthsTensor(
  operation: string,
  gpu: Gpu,
  lengths: readonly number[] | Tensor,
  batch: number,
  time: number,
): Tensor {
  if ("gpu" in lengths) {
    checkShapeIs(operation, "keyLengths", lengths, [batch], "(one for each sequence)");
    checkInts(operation, "keyLengths", lengths);
    if (lengths.hostInts) checkRange(operation, "keyLengths", lengths.hostInts, time + 1);
    return lengths.alias();
  }
  if (lengths.length !== batch) {
    throw new ShapeError(
      `${operation}(): keyLengths has ${lengths.length} numbers; expected one for each of the ` +
        `${batch} sequences.`,
    );
  }
  lengths.forEach((length, i) => {
    if (!(Number.isInteger(length) && length >= 0 && length <= time)) {
      throw new RangeError(
        `${operation}(): keyLengths[${i}] is ${length}; expected a whole number from 0 to ${time}, ` +
          `the number of keys.`,
      );
    }
  });
  return gpu.tensor(Int32Array.from(lengths), [batch], { label: "lengths of keys" });
}

function checkInts(operation: string, name: string, tensor: Tensor): void {
  if (tensor.dtype !== "i32") {
    throw new TypeError(
      `${operation}(): ${name} is a tensor of dtype ${tensor.dtype}; expected i32.`,
    );
  }
}

/** Floating-point operations of all gradients, about, for one map or two. */
export function gradientOperations(
  { batch, heads, timeQ, timeK, widthQk, widthV }: AttentionSizes,
  maps: 1 | 2,
): number {
  return batch * heads * timeQ * timeK * (8 * maps * widthQk + 6 * widthV);
}

/**
 * Checks q, k and v and gives the sizes.
 *
 * @param suffix of what the operation's callers know q and k by.
 */
export function attentionSizes(
  operation: string,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  suffix = "",
): AttentionSizes {
  const qName = `q${suffix}`, kName = `k${suffix}`;
  for (const [name, { shape }] of Object.entries({ [qName]: q, [kName]: k, v })) {
    if (shape.length !== 4 || shape.some((length) => length === 0)) {
      throw new ShapeError(
        `${operation}(): ${name} has the shape ${
          formatShape(shape)
        }; expected [B, T, H, d], each ` +
          `at least 1.`,
      );
    }
  }
  const [batch, timeQ, heads, widthQk] = q.shape, [, timeK] = k.shape, widthV = v.shape[3];
  checkShapeIs(operation, kName, k, [batch, timeK, heads, widthQk], `(as ${qName}, with any T)`);
  checkShapeIs(operation, "v", v, [batch, timeK, heads, widthV], `(as ${kName}, with any d)`);
  return { batch, heads, timeQ, timeK, widthQk, widthV };
}
