/** What models are given: token ids and masks, as tensors or as plain arrays. */
import type { AttentionMaskOptions } from "../ops/mod.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { formatShape, sameShape, type Shape, ShapeError } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Whole numbers [B, T]: rows of equal length, or an i32 tensor made from an `Int32Array`. */
export type Rows = Tensor | readonly ArrayLike<number>[];

/** An i32 tensor of rows, to be disposed of by the caller. */
export function toRows(gpu: Gpu, name: string, rows: Rows): Tensor {
  if ("gpu" in rows) {
    if (rows.shape.length !== 2 || rows.size === 0 || !rows.hostInts) {
      throw new ShapeError(
        `${name} is a tensor of shape ${
          formatShape(rows.shape)
        } and dtype ${rows.dtype}; expected ` +
          `[B, T], both at least 1, made from an Int32Array.`,
      );
    }
    return rows.alias();
  }
  const [first] = rows;
  if (!first || first.length === 0) {
    throw new ShapeError(`${name} is empty; expected at least one row with at least one number.`);
  }
  const all = new Int32Array(rows.length * first.length);
  for (const [i, row] of rows.entries()) {
    if (row.length !== first.length) {
      throw new ShapeError(
        `${name}[${i}] has ${row.length} numbers, ${name}[0] has ${first.length}; expected rows of ` +
          `equal length.`,
      );
    }
    all.set(row, i * first.length);
  }
  return gpu.tensor(all, [rows.length, first.length], { label: name });
}

/** Throws unless rows have the shape of the token ids. */
export function checkLike(name: string, rows: Tensor, shape: Shape): void {
  if (!sameShape(rows.shape, shape)) {
    throw new ShapeError(
      `${name} has the shape ${formatShape(rows.shape)}; expected ${formatShape(shape)}, like ids.`,
    );
  }
}

/**
 * Which keys attention sees, from an attention mask (1: a token, 0: padding): nothing if there is no
 * padding, lengths [B] if all padding is at the end, which saves work, or else the mask [B, T].
 * The caller disposes of it.
 */
export function keysSeen(gpu: Gpu, mask: Rows | undefined, shape: Shape): Tensor | undefined {
  if (!mask) return undefined;
  const rows = toRows(gpu, "mask", mask);
  checkLike("mask", rows, shape);
  const [batch, time] = shape, flags = rows.hostInts!;
  const lengths: number[] = [];
  for (let b = 0; b < batch; b++) {
    const row = flags.subarray(b * time, (b + 1) * time);
    const length = row.findLastIndex((flag) => flag !== 0) + 1;
    if (row.subarray(0, length).includes(0)) return rows;
    lengths.push(length);
  }
  rows.dispose();
  if (lengths.every((length) => length === time)) return undefined;
  return gpu.tensor(Int32Array.from(lengths), [batch], { label: "lengths" });
}

/** The options of attention for what {@linkcode keysSeen} gave. */
export function keyOptions(keys: Tensor | undefined): AttentionMaskOptions {
  if (!keys) return {};
  return keys.shape.length === 1 ? { keyLengths: keys } : { keyMask: keys };
}

/** Labels of a batch: those given, or the ids where the mask has no padding. The caller disposes. */
export function labelsOf(
  gpu: Gpu,
  { ids, labels, mask }: { ids: Rows; labels?: Rows; mask?: Rows },
): Tensor {
  if (labels || !mask) return toRows(gpu, "labels", labels ?? ids);
  using tokens = toRows(gpu, "ids", ids);
  using flags = toRows(gpu, "mask", mask);
  checkLike("mask", flags, tokens.shape);
  const counted = tokens.hostInts!.map((id, i) => flags.hostInts![i] === 0 ? -100 : id);
  return gpu.tensor(counted, tokens.shape, { label: "labels" });
}
