/**
 * The character categories that Hugging Face's BERT normaliser and pre-tokeniser go by.
 *
 * That library (`tokenizers` 0.23.3) takes "control", "punctuation" and "non-spacing mark" from
 * tables of Unicode 8 or so, older than the platform's. So that ids agree, the code points whose
 * category is another one today are listed here; `tests/text/bert_categories_test.ts` compares
 * every code point with what the native library does.
 */

/** A set of code points from hexadecimal ranges: `"b-d 85"`. */
function codePoints(ranges: string): Set<number> {
  const set = new Set<number>();
  for (const range of ranges.trim().split(/\s+/)) {
    const [first, last = first] = range.split("-").map((digits) => parseInt(digits, 16));
    for (let code = first; code <= last; code++) set.add(code);
  }
  return set;
}

/** `\p{Mn}` today, but left in place by the native library. */
const MARKS_TO_KEEP = codePoints(`
  7fd 897-89f 8ca-8e1 9fe afa-aff b55 c04 c3c d00 d3b-d3c d81 eba ece 180f 1885-1886 1abf-1ace
  1df6-1dfb a82c a8c5 a8ff a9bd 10d24-10d27 10d69-10d6d 10eab-10eac 10efc-10eff 10f46-10f50
  10f82-10f85 11070 11073-11074 110c2 111c9 111cf 1123e 11241 1133b 113bb-113c0 113ce 113d0
  113d2 113e1-113e2 11438-1143f 11442-11444 11446 1145e 1182f-11837 11839-1183a 1193b-1193c
  1193e 11943 119d4-119d7 119da-119db 119e0 11a01-11a0a 11a33-11a38 11a3b-11a3e 11a47
  11a51-11a56 11a59-11a5b 11a8a-11a96 11a98-11a99 11c30-11c36 11c38-11c3d 11c3f 11c92-11ca7
  11caa-11cb0 11cb2-11cb3 11cb5-11cb6 11d31-11d36 11d3a 11d3c-11d3d 11d3f-11d45 11d47
  11d90-11d91 11d95 11d97 11ef3-11ef4 11f00-11f01 11f36-11f3a 11f40 11f42 11f5a 13440
  13447-13455 1611e-16129 1612d-1612f 16f4f 16fe4 1cf00-1cf2d 1cf30-1cf46 1e000-1e006
  1e008-1e018 1e01b-1e021 1e023-1e024 1e026-1e02a 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef
  1e4ec-1e4ef 1e5ee-1e5ef 1e944-1e94a`);

/** The other way round. */
const MARKS_TO_STRIP = codePoints("1734 1171e");

/** Characters with a canonical decomposition today that the native library does not take apart. */
const NOT_DECOMPOSED = codePoints(`
  105c9 105e4 11383 11385 1138e 11391 113c5 113c7-113c8 11938 16121-16128 16d68-16d6a`);

/** `\p{P}` today, but no punctuation to the native library. */
const NO_PUNCTUATION = codePoints(`
  61d 9fd a76 c77 c84 1b4e-1b4f 1b7d-1b7f 2e43-2e4f 2e52-2e5d 10d6e 10ead 10f55-10f59
  10f86-10f89 113d4-113d5 113d7-113d8 1144b-1144f 1145a-1145b 1145d 11660-1166c 116b9 1183b
  11944-11946 119e2 11a3f-11a46 11a9a-11a9c 11a9e-11aa2 11b00-11b09 11be1 11c41-11c45
  11c70-11c71 11ef7-11ef8 11f43-11f4f 11fff 12ff1-12ff2 16d6d-16d6f 16e97-16e9a 16fe2 1e5ff
  1e95e-1e95f`);

/** The other way round. */
const STILL_PUNCTUATION = codePoints("166d 111c9");

/** `\p{Cf}` today, but no control characters to the native library. */
const NO_CONTROL = codePoints("890-891 8e2 110cd 13430-1343f");

const CONTROL = /[\p{Cc}\p{Cf}\p{Co}]/u;
const PUNCTUATION = /[\p{P}!-\/:-@[-`{-~]/u;
const MARK = /\p{Mn}/u;

/** Whether cleaning drops the character: NUL, U+FFFD, control, format and private-use ones. */
export function isBertControl(code: number): boolean {
  if (code === 0x09 || code === 0x0a || code === 0x0d) return false;
  if (code === 0xfffd) return true;
  return CONTROL.test(String.fromCodePoint(code)) && !NO_CONTROL.has(code);
}

/** Whether the pre-tokeniser makes the character a word of its own. */
export function isBertPunctuation(code: number): boolean {
  if (STILL_PUNCTUATION.has(code)) return true;
  return PUNCTUATION.test(String.fromCodePoint(code)) && !NO_PUNCTUATION.has(code);
}

/** Whether the character is put between blanks: the blocks of Chinese ideographs BERT knew. */
export function isChineseCharacter(code: number): boolean {
  return (code >= 0x4e00 && code <= 0x9fff) || (code >= 0x3400 && code <= 0x4dbf) ||
    (code >= 0x20000 && code <= 0x2a6df) || (code >= 0x2a700 && code <= 0x2b81f) ||
    (code >= 0x2b920 && code <= 0x2ceaf) || (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0x2f800 && code <= 0x2fa1f);
}

/** A character taken apart (NFD) and without its non-spacing marks: `é` becomes `e`. */
export function stripAccents(character: string): string {
  const whole = NOT_DECOMPOSED.has(character.codePointAt(0)!);
  let out = "";
  for (const part of whole ? character : character.normalize("NFD")) {
    const code = part.codePointAt(0)!;
    const isMark = MARKS_TO_STRIP.has(code) || (MARK.test(part) && !MARKS_TO_KEEP.has(code));
    if (!isMark) out += part;
  }
  return out;
}

/** A character in lower case; three pairs and the Beria Erfe letters are ahead of some engines. */
export function lowerCase(character: string): string {
  const code = character.codePointAt(0)!;
  if (code === 0xa7ce || code === 0xa7d2 || code === 0xa7d4) return String.fromCharCode(code + 1);
  if (code >= 0x16ea0 && code <= 0x16eb8) return String.fromCodePoint(code + 0x1b);
  return character.toLowerCase();
}
