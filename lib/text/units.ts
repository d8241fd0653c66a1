/**
 * The UTF-16 units of `text.slice(start, end)`. Reading a typed array is several times as fast as
 * `charCodeAt`, and every unit is looked at three times on its way to a token.
 */
export function unitsOf(text: string, start = 0, end: number = text.length): Uint16Array {
  const units = new Uint16Array(end - start);
  for (let i = 0; i < units.length; i++) units[i] = text.charCodeAt(start + i);
  return units;
}

/** The text that units spell. */
export function textOf(units: Uint16Array, start = 0, end: number = units.length): string {
  let out = "";
  for (let at = start; at < end; at += 8192) {
    out += String.fromCharCode(...units.subarray(at, Math.min(at + 8192, end)));
  }
  return out;
}

/** The code point at `at`, as `codePointAt` of a string: a lone surrogate stands for itself. */
export function codePointAt(units: Uint16Array, at: number, end: number): number {
  const unit = units[at];
  if ((unit & 0xfc00) !== 0xd800 || at + 1 >= end) return unit;
  const low = units[at + 1];
  return (low & 0xfc00) === 0xdc00 ? 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) : unit;
}
