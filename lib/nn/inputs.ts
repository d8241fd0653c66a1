/** What models are given: token ids and masks, as tensors or as plain arrays. */
import type { AttentionMaskOptions } from "../ops/mod.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { formatShape, sameShape, type Shape, ShapeError } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { BatchSize } from "./model.ts";

/** Whole numbers [B, T]: rows of equal length, or an i32 tensor made from an `Int32Array`. */
export type Rows = Tensor | readonly ArrayLike<number>[];

/** Rows as one array on the host. */
export interface HostRows {
  shape: readonly [number, number];
  data: Int32Array<ArrayBuffer>;
}

/**
 * Numbers as i32.
 *
 * @throws {TypeError} naming the first that is no whole number of 32 bits, `undefined` among them: a
 * token that a vocabulary lacks must not become token 0.
 */
export function wholeNumbers(name: string, values: ArrayLike<number>): Int32Array<ArrayBuffer> {
  const ints = new Int32Array(values);
  const at = ints.findIndex((value, i) => value !== values[i]);
  if (at < 0) return ints;
  throw new TypeError(`${name}[${at}] is ${values[at]}; expected a whole number of 32 bits.`);
}

/** The numbers of rows; throws if they are empty or differ in length. */
export function hostRows(name: string, rows: Rows): HostRows {
  if ("gpu" in rows) {
    const { shape, hostInts } = rows;
    if (shape.length !== 2 || rows.size === 0 || !hostInts) {
      throw new ShapeError(
        `${name} is a tensor of shape ${formatShape(shape)} and dtype ${rows.dtype}; expected ` +
          `[B, T], both at least 1, made from an Int32Array.`,
      );
    }
    return { shape: [shape[0], shape[1]], data: hostInts as Int32Array<ArrayBuffer> };
  }
  const [first] = rows;
  if (!first || first.length === 0) {
    throw new ShapeError(`${name} is empty; expected at least one row with at least one number.`);
  }
  const data = new Int32Array(rows.length * first.length);
  for (const [i, row] of rows.entries()) {
    if (row.length !== first.length) {
      throw new ShapeError(
        `${name}[${i}] has ${row.length} numbers, ${name}[0] has ${first.length}; expected rows of ` +
          `equal length.`,
      );
    }
    data.set(wholeNumbers(`${name}[${i}]`, row), i * first.length);
  }
  return { shape: [rows.length, first.length], data };
}

/** An i32 tensor of rows, to be disposed of by the caller. */
export function toRows(gpu: Gpu, name: string, rows: Rows): Tensor {
  const { shape, data } = hostRows(name, rows);
  return "gpu" in rows ? rows.alias() : gpu.tensor(data, shape, { label: name });
}

/** Throws unless rows have the shape of the token ids. */
export function checkLike(name: string, { shape }: { shape: Shape }, expected: Shape): void {
  if (!sameShape(shape, expected)) {
    throw new ShapeError(
      `${name} has the shape ${formatShape(shape)}; expected ${formatShape(expected)}, like ids.`,
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

/** Labels of a batch: those given, or the ids where the mask has no padding. */
export function labelsOf(
  { ids, labels, mask }: { ids: Rows; labels?: Rows; mask?: Rows },
): HostRows {
  const tokens = hostRows("ids", ids);
  if (labels) {
    const given = hostRows("labels", labels);
    checkLike("labels", given, tokens.shape);
    return given;
  }
  if (!mask) return tokens;
  const flags = hostRows("mask", mask);
  checkLike("mask", flags, tokens.shape);
  return { ...tokens, data: tokens.data.map((id, i) => flags.data[i] === 0 ? -100 : id) };
}

/** The same for a loss, which needs a token before each that it predicts. */
export function nextTokenLabels(batch: { ids: Rows; labels?: Rows; mask?: Rows }): HostRows {
  const labels = labelsOf(batch);
  if (labels.shape[1] > 1) return labels;
  throw new RangeError(
    "ids has sequences of 1 token; a loss expects at least 2: each token is predicted from those before.",
  );
}

/** How large a batch of text is, and how many of its labels count: the first of a row never does. */
export function textSize(batch: { ids: Rows; labels?: Rows; mask?: Rows }): BatchSize {
  const { shape: [count, time], data } = labelsOf(batch);
  let targets = 0;
  data.forEach((label, i) => targets += i % time > 0 && label !== -100 ? 1 : 0);
  return { batch: count, time, targets };
}
