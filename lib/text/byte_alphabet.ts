/**
 * GPT-2 writes every byte as one printable character, so that any sequence of bytes is a readable
 * string: printable Latin-1 stands for itself, the other 68 bytes become U+0100 onwards
 * (openai/gpt-2, `bytes_to_unicode`). A blank is `Ġ`, a newline `Ċ`.
 */

/** The character that stands for each byte, 256 of them. */
export const CHARACTER_OF_BYTE: readonly string[] = buildAlphabet();

const BYTE_OF_UNIT = new Int16Array(0x144).fill(-1);
CHARACTER_OF_BYTE.forEach((character, byte) => BYTE_OF_UNIT[character.charCodeAt(0)] = byte);

function buildAlphabet(): string[] {
  const standsForItself = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from(
    { length: 256 },
    (_, byte) => String.fromCharCode(standsForItself(byte) ? byte : next++),
  );
}

/** The byte that a character stands for, or −1 if it stands for none. */
export function byteOfUnit(unit: number): number {
  return unit < BYTE_OF_UNIT.length ? BYTE_OF_UNIT[unit] : -1;
}

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text, each as its printable character. */
export function toByteCharacters(text: string): string {
  let out = "";
  for (const byte of encoder.encode(text)) out += CHARACTER_OF_BYTE[byte];
  return out;
}

/**
 * The bytes behind a token. A token with a character that stands for no byte (an added token with
 * a blank in it) is taken as plain text, as Hugging Face's decoder does.
 */
export function bytesOfToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = byteOfUnit(token.charCodeAt(i));
    if (byte < 0) return encoder.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}
