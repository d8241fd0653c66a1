import type { Encoding } from "./encoding.ts";

/** The byte alphabet's blank, and white space, as added tokens may contain it. */
const LEADING = /^[Ġ\p{White_Space}]*/u;
const TRAILING = /[Ġ\p{White_Space}]*$/u;

type Blanks = readonly [leading: number, trailing: number];

function blanksAround(token: string): Blanks {
  return [LEADING.exec(token)![0].length, TRAILING.exec(token)![0].length];
}

/**
 * Moves the offsets of byte-level tokens so that blanks at either end of a token lie outside.
 * With `addPrefixSpace` a single blank in front of the text is our own and nothing is moved.
 * `tokenOf` gives a token of the model; an added token is as long as what it matched in `text`.
 */
export function trimOffsets(
  text: string,
  encoding: Encoding,
  addPrefixSpace: boolean,
  tokenOf: (id: number) => string | undefined,
): void {
  const blanksOfId = new Map<number, Blanks>();
  const { ids, offsets } = encoding;
  for (let i = 0; i < ids.length; i++) {
    const start = offsets[2 * i], end = offsets[2 * i + 1];
    let blanks = blanksOfId.get(ids[i]);
    if (!blanks) {
      const token = tokenOf(ids[i]);
      blanks = blanksAround(token ?? text.slice(start, end));
      if (token !== undefined) blanksOfId.set(ids[i], blanks);
    }
    let [leading, trailing] = blanks;
    if (addPrefixSpace && leading === 1 && (i === 0 || start === 0)) leading = 0;
    const trimmed = Math.min(start + leading, end);
    if (trailing > end) trailing = 0;
    offsets[2 * i] = trimmed;
    offsets[2 * i + 1] = Math.max(end - trailing, trimmed);
  }
}
