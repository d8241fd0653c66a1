/** One step of {@link compressPairs}: a pair of bytes and the byte that stands for it from then on. */
export interface Replacement {
  byte: number;
  left: number;
  right: number;
  /** How often the pair was replaced. */
  count: number;
}

/** Data after compression, and what is needed to get it back. */
export interface CompressedPairs {
  bytes: Uint8Array;
  /** In the order in which they were made. */
  replacements: Replacement[];
}

/**
 * Compresses data by replacing, again and again, the most frequent pair of neighbouring bytes by a
 * byte that does not occur in the data (Philip Gage, "A New Algorithm for Data Compression", The C
 * Users Journal 12(2), 1994). It stops when no pair occurs `minCount` times or no byte is free.
 *
 * Overlapping pairs count once ("aaa" holds one "aa"). Among equally frequent pairs the one that
 * comes first wins; the byte taken is the smallest free one.
 *
 * ```ts
 * import { compressPairs, expandPairs } from "cutloss/text/mod.ts";
 *
 * const data = new TextEncoder().encode("aaabdaaabac");
 * const { bytes, replacements } = compressPairs(data);
 * console.log(bytes.length, replacements.length, expandPairs(bytes, replacements));
 * ```
 *
 * @param minCount Gage's program asked for more than two occurrences, because each replacement
 * costs three bytes in its table; 2 shows the idea.
 */
export function compressPairs(data: Uint8Array, minCount = 2): CompressedPairs {
  if (!Number.isInteger(minCount) || minCount < 2) {
    throw new RangeError(`minCount was ${minCount}; expected a whole number of at least 2.`);
  }
  let bytes = data.slice();
  const isUsed = new Uint8Array(256);
  for (const byte of bytes) isUsed[byte] = 1;
  const replacements: Replacement[] = [];
  for (;;) {
    const byte = isUsed.indexOf(0);
    const best = mostFrequentPair(bytes);
    if (byte < 0 || best.count < minCount) return { bytes, replacements };
    isUsed[byte] = 1;
    bytes = replacePair(bytes, best.left, best.right, byte);
    replacements.push({ byte, ...best });
  }
}

/** The data that {@link compressPairs} was given: its replacements undone, the last one first. */
export function expandPairs(
  compressed: Uint8Array,
  replacements: readonly Replacement[],
): Uint8Array {
  let bytes = compressed;
  for (const { byte, left, right } of replacements.toReversed()) {
    const expanded: number[] = [];
    for (const value of bytes) {
      if (value === byte) expanded.push(left, right);
      else expanded.push(value);
    }
    bytes = Uint8Array.from(expanded);
  }
  return bytes;
}

function mostFrequentPair(bytes: Uint8Array): { left: number; right: number; count: number } {
  const counts = new Uint32Array(65536);
  const first = new Int32Array(65536).fill(-1);
  for (let i = 0; i + 1 < bytes.length; i++) {
    const pair = bytes[i] << 8 | bytes[i + 1];
    // In a run of one byte, every other pair overlaps the one before it.
    if (bytes[i] === bytes[i + 1]) {
      let end = i + 1;
      while (end + 1 < bytes.length && bytes[end + 1] === bytes[i]) end++;
      counts[pair] += Math.floor((end - i + 1) / 2);
      if (first[pair] < 0) first[pair] = i;
      i = end - 1;
      continue;
    }
    counts[pair]++;
    if (first[pair] < 0) first[pair] = i;
  }
  let best = 0;
  for (let pair = 1; pair < 65536; pair++) {
    const isBetter = counts[pair] > counts[best] ||
      (counts[pair] === counts[best] && counts[pair] > 0 && first[pair] < first[best]);
    if (isBetter) best = pair;
  }
  return { left: best >> 8, right: best & 255, count: counts[best] };
}

function replacePair(
  bytes: Uint8Array,
  left: number,
  right: number,
  byte: number,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const isPair = bytes[i] === left && i + 1 < bytes.length && bytes[i + 1] === right;
    out[length++] = isPair ? byte : bytes[i];
    if (isPair) i++;
  }
  return out.slice(0, length);
}
