import { bytesOfToken } from "./byte_alphabet.ts";
import type { Decoder } from "./components.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Puts tokens together to a text, the way a tokenizer.json's decoder does. */
export function decodeTokens(tokens: readonly string[], decoder: Decoder): string {
  if (decoder.type === "ByteLevel") return decodeByteTokens(tokens);
  if (decoder.type === "join") return tokens.join(" ");
  const parts = tokens.map((token, index) => {
    if (index > 0) {
      token = token.startsWith(decoder.prefix) ? token.slice(decoder.prefix.length) : ` ${token}`;
    }
    return decoder.cleanup ? cleanUp(token) : token;
  });
  return parts.join("");
}

/**
 * Turns tokens written in the byte alphabet back into text. Bytes that are no UTF-8 become U+FFFD,
 * as the platform decides.
 */
function decodeByteTokens(tokens: readonly string[]): string {
  const known = new Map<string, Uint8Array>();
  let length = 0;
  const parts = tokens.map((token) => {
    let part = known.get(token);
    if (!part) known.set(token, part = bytesOfToken(token));
    length += part.length;
    return part;
  });
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return utf8.decode(bytes);
}

/** Takes out the blanks that stand before punctuation and contractions in English. */
function cleanUp(token: string): string {
  const changes = [
    [" .", "."],
    [" ?", "?"],
    [" !", "!"],
    [" ,", ","],
    [" ' ", "'"],
    [" n't", "n't"],
    [" 'm", "'m"],
    [" do not", " don't"],
    [" 's", "'s"],
    [" 've", "'ve"],
    [" 're", "'re"],
  ];
  return changes.reduce((text, [from, to]) => text.replaceAll(from, to), token);
}
