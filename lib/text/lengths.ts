import type { Encoding } from "./encoding.ts";
import { JsonFields, type JsonObject, show } from "./json_fields.ts";

/** How long texts are cut. */
export interface Truncation {
  /** Most tokens of an encoding, those of the template included. */
  maxLength: number;
  /** Which end is cut off. */
  direction: "left" | "right";
  /** Which of two texts is cut: the longer one until both are equal, or always the same. */
  strategy: "longestFirst" | "onlyFirst" | "onlySecond";
}

/** How short texts are filled up. */
export interface Padding {
  /** To this many tokens, or to the longest of a batch. */
  to: number | "longest";
  /** Which end is filled. */
  direction: "left" | "right";
  /** Round the length up to a multiple of this. */
  multipleOf: number | null;
  id: number;
  typeId: number;
  token: string;
}

const STRATEGIES = {
  LongestFirst: "longestFirst",
  OnlyFirst: "onlyFirst",
  OnlySecond: "onlySecond",
} as const;

/** The `truncation` of a tokenizer.json. */
export function readTruncation(value: unknown): Truncation | null {
  if (value === null || value === undefined) return null;
  const fields = new JsonFields(value, "truncation");
  fields.only("stride", null, 0); // A stride is for the parts cut off, which are not kept here.
  const strategies = Object.keys(STRATEGIES) as (keyof typeof STRATEGIES)[];
  const truncation: Truncation = {
    maxLength: fields.count("max_length"),
    direction: fields.choice("direction", ["Left", "Right"], "Right") === "Left" ? "left" : "right",
    strategy: STRATEGIES[fields.choice("strategy", strategies)],
  };
  fields.done();
  return truncation;
}

/** A truncation as tokenizer.json writes it. */
export function writeTruncation(truncation: Truncation | null): JsonObject | null {
  if (!truncation) return null;
  const strategy = Object.entries(STRATEGIES).find(([, name]) => name === truncation.strategy);
  if (!strategy) {
    throw new TypeError(
      `truncation.strategy was ${show(truncation.strategy)}; expected one of ` +
        `${Object.values(STRATEGIES).join(", ")}.`,
    );
  }
  return {
    direction: truncation.direction === "left" ? "Left" : "Right",
    max_length: truncation.maxLength,
    strategy: strategy[0],
    stride: 0,
  };
}

/** The `padding` of a tokenizer.json. */
export function readPadding(value: unknown): Padding | null {
  if (value === null || value === undefined) return null;
  const fields = new JsonFields(value, "padding");
  const strategy = fields.any("strategy");
  let to: Padding["to"] = "longest";
  if (strategy !== "BatchLongest") {
    const fixed = new JsonFields(strategy, "padding.strategy");
    to = fixed.count("Fixed");
    fixed.done();
  }
  const padding: Padding = {
    to,
    direction: fields.choice("direction", ["Left", "Right"]) === "Left" ? "left" : "right",
    multipleOf: fields.count("pad_to_multiple_of", 0) || null,
    id: fields.count("pad_id"),
    typeId: fields.count("pad_type_id"),
    token: fields.string("pad_token"),
  };
  fields.done();
  return padding;
}

/** A padding as tokenizer.json writes it. */
export function writePadding(padding: Padding | null): JsonObject | null {
  if (!padding) return null;
  return {
    strategy: padding.to === "longest" ? "BatchLongest" : { Fixed: padding.to },
    direction: padding.direction === "left" ? "Left" : "Right",
    pad_to_multiple_of: padding.multipleOf,
    pad_id: padding.id,
    pad_type_id: padding.typeId,
    pad_token: padding.token,
  };
}

/** Cuts one or two encodings so that they have at most `room` tokens together. */
export function truncate(encodings: Encoding[], truncation: Truncation, room: number): Encoding[] {
  const total = encodings.reduce((sum, encoding) => sum + encoding.length, 0);
  if (total <= room) return encodings;
  const lengths = encodings.map((encoding) => encoding.length);
  const { strategy } = truncation;
  if (encodings.length === 1 && strategy === "longestFirst") lengths[0] = room;
  else if (strategy === "longestFirst") [lengths[0], lengths[1]] = shareRoom(lengths, room);
  else {
    const which = strategy === "onlyFirst" ? 0 : 1;
    const excess = total - room;
    if (which >= encodings.length) {
      throw new Error('truncation.strategy was "onlySecond"; expected two texts, got one.');
    }
    // Hugging Face's library wants at least one token to be left.
    if (lengths[which] <= excess) {
      throw new Error(
        `truncation.maxLength leaves room for ${room} tokens, but the ` +
          `${which ? "first" : "second"} text, which is not cut, needs more or all of it.`,
      );
    }
    lengths[which] -= excess;
  }
  return encodings.map((encoding, index) => {
    const { length } = encoding, kept = lengths[index];
    if (kept >= length) return encoding;
    return truncation.direction === "left"
      ? encoding.slice(length - kept, length)
      : encoding.slice(0, kept);
  });
}

/** How `room` is shared by two texts: the shorter one whole if it takes less than half. */
function shareRoom(lengths: readonly number[], room: number): [number, number] {
  const shorter = Math.min(lengths[0], lengths[1]);
  let small = shorter, large = Math.max(shorter, room - shorter);
  if (small + large > room) {
    small = Math.floor(room / 2);
    large = small + room % 2;
  }
  return lengths[0] > lengths[1] ? [large, small] : [small, large];
}

/** Fills up encodings, each to the same length. */
export function pad(encodings: Encoding[], padding: Padding): Encoding[] {
  let length = padding.to === "longest"
    ? encodings.reduce((most, encoding) => Math.max(most, encoding.length), 0)
    : padding.to;
  if (padding.multipleOf) length = Math.ceil(length / padding.multipleOf) * padding.multipleOf;
  const { direction, id, typeId } = padding;
  return encodings.map((encoding) => encoding.pad({ length, direction, id, typeId }));
}
