import { Tokenizer } from "cutloss/text/mod.ts";

/** Reads a file of tests/fixtures/text (see make_fixtures.py there). */
export async function readFixture<T>(name: string): Promise<T> {
  return (await import(`../fixtures/text/${name}`, { with: { type: "json" } })).default;
}

/** One of the two small tokenizers that the native library trained, perhaps with other settings. */
export async function loadTokenizer(base: string, settings: object = {}): Promise<Tokenizer> {
  return Tokenizer.fromJson({ ...await readFixture<object>(`${base}.json`), ...settings });
}

/** UTF-16 offsets as offsets in code points, which is what the native library's are. */
export function toCodePointOffsets(text: string, offsets: Iterable<number>): number[] {
  const codePointAt = new Int32Array(text.length + 1);
  let count = 0;
  for (let at = 0; at < text.length; count++) {
    codePointAt[at] = count;
    const width = text.codePointAt(at)! > 0xffff ? 2 : 1;
    if (width === 2) codePointAt[at + 1] = count + 0.5; // Would be a wrong offset.
    at += width;
  }
  codePointAt[text.length] = count;
  return Array.from(offsets, (offset) => codePointAt[offset]);
}

/** Pseudo-random numbers from 0 to 1 (mulberry32), the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}
