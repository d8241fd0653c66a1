import { fileURLToPath } from "node:url";

/** Widths of text in the font of static figures, Inter Regular. */
export interface FontMetrics {
  /** Width of one line of text at a font size, in the unit of that size. */
  width(text: string, size: number): number;
  /** Height of the letters over the base line, as a share of the font size. */
  ascent: number;
  /** Depth below the base line, as a share of the font size. */
  descent: number;
}

/** Paths of the font files that static figures are drawn with: regular and semibold. */
export async function fontFiles(): Promise<string[]> {
  await import("@expo-google-fonts/inter/package.json", { with: { type: "json" } }); // fetches it
  return [
    "@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf",
    "@expo-google-fonts/inter/600SemiBold/Inter_600SemiBold.ttf",
  ].map((file) => fileURLToPath(import.meta.resolve(file)));
}

/**
 * Reads the widths of a TrueType font.
 *
 * Source: the OpenType specification, tables head, hhea, hmtx and cmap (format 4); kerning is left
 * out, because figures need widths only to leave room.
 */
export function readFontMetrics(file: Uint8Array<ArrayBuffer>): FontMetrics {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const table = (tag: string): number => {
    for (let i = 0; i < view.getUint16(4); i++) {
      const entry = 12 + 16 * i;
      const name = String.fromCharCode(...file.subarray(entry, entry + 4));
      if (name === tag) return view.getUint32(entry + 8);
    }
    throw new Error(`The font has no table "${tag}".`);
  };
  const unitsPerEm = view.getUint16(table("head") + 18);
  const hhea = table("hhea"), hmtx = table("hmtx");
  const widths = view.getUint16(hhea + 34);
  const advance = (glyph: number) => view.getUint16(hmtx + 4 * Math.min(glyph, widths - 1));
  const glyphOf = characterMap(view, table("cmap"));
  return {
    width(text, size) {
      let units = 0;
      for (const character of text) units += advance(glyphOf(character.codePointAt(0)!));
      return units / unitsPerEm * size;
    },
    ascent: view.getInt16(hhea + 4) / unitsPerEm,
    descent: -view.getInt16(hhea + 6) / unitsPerEm,
  };
}

/** The glyph of a character by the font's table of format 4; 0, the empty box, if it has none. */
function characterMap(view: DataView, cmap: number): (character: number) => number {
  let start = -1;
  for (let i = 0; i < view.getUint16(cmap + 2); i++) {
    const subtable = cmap + view.getUint32(cmap + 8 + 8 * i);
    if (view.getUint16(subtable) === 4) start = subtable;
  }
  if (start < 0) throw new Error("The font has no character map of format 4.");
  const segments2 = view.getUint16(start + 6); // twice the number of segments
  const ends = start + 14, starts = ends + segments2 + 2;
  const deltas = starts + segments2, offsets = deltas + segments2;
  return (character) => {
    for (let s = 0; s < segments2; s += 2) {
      if (character > view.getUint16(ends + s)) continue;
      const first = view.getUint16(starts + s);
      if (character < first) return 0;
      const delta = view.getUint16(deltas + s), offset = view.getUint16(offsets + s);
      if (offset === 0) return (character + delta) & 0xffff;
      const glyph = view.getUint16(offsets + s + offset + 2 * (character - first));
      return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
    }
    return 0;
  };
}
