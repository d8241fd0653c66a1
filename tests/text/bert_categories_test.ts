import { assertEquals } from "@std/assert";
import {
  isBertControl,
  isChineseCharacter,
  lowerCase,
  stripAccents,
} from "cutloss/text/bert_categories.ts";
import { astralKind, KIND_OF_UNIT, LETTER, NUMBER, SPACE } from "cutloss/text/char_class.ts";
import { BertSplitter } from "cutloss/text/bert_splitter.ts";
import { unitsOf } from "cutloss/text/units.ts";
import { readFixture } from "./fixtures.ts";

interface CodePoints {
  classes: { letter: string; number: string; space: string };
  dropped: string;
  blank: string;
  chinese: string;
  punctuation: string;
  between: string;
  stripped: [number, string][];
  strippedAway: string;
  lowered: [number, string][];
  loweredAway: string;
}

const native = await readFixture<CodePoints>("bert_code_points.json");

/** All code points but surrogates for which something holds, as ranges in hexadecimal. */
function ranges(holds: (code: number) => boolean): string {
  const parts: [number, number][] = [];
  for (let code = 0; code < 0x110000; code++) {
    if ((code >= 0xd800 && code < 0xe000) || !holds(code)) continue;
    const last = parts.at(-1);
    if (last && last[1] === code - 1) last[1] = code;
    else parts.push([code, code]);
  }
  const hex = (code: number) => code.toString(16);
  return parts.map(([a, b]) => a === b ? hex(a) : `${hex(a)}-${hex(b)}`).join(" ");
}

function kindOf(code: number): number {
  if (code < 0x10000) return KIND_OF_UNIT[code];
  const text = String.fromCodePoint(code);
  return astralKind(text.charCodeAt(0), text.charCodeAt(1));
}

const isHangul = (code: number) => code >= 0xac00 && code < 0xd7a4;
const isSpace = (code: number) => kindOf(code) === SPACE;

Deno.test("Letters, numbers and white space are the native library's, for every code point", () => {
  assertEquals(ranges((code) => kindOf(code) === LETTER), native.classes.letter);
  assertEquals(ranges((code) => kindOf(code) === NUMBER), native.classes.number);
  assertEquals(ranges(isSpace), native.classes.space);
});

Deno.test("Surrogates on their own are neither letters nor numbers nor white space", () => {
  for (let code = 0xd800; code < 0xe000; code++) assertEquals(KIND_OF_UNIT[code], 0);
});

Deno.test("Cleaning drops and blanks what the native library does, for every code point", () => {
  const dropped = (code: number) => code === 0 || isBertControl(code);
  assertEquals(ranges(dropped), native.dropped);
  assertEquals(ranges((code) => isSpace(code) && !dropped(code)), native.blank);
});

Deno.test("Chinese characters are the native library's", () => {
  assertEquals(ranges(isChineseCharacter), native.chinese);
});

Deno.test("Punctuation stands alone and white space separates, for every code point", () => {
  const wordsBetween = (code: number) => {
    const splitter = new BertSplitter(unitsOf("a" + String.fromCodePoint(code) + "b"));
    let words = 0;
    while (splitter.next()) words++;
    return words;
  };
  const words = Uint8Array.from({ length: 0x110000 }, (_, code) => wordsBetween(code));
  assertEquals(ranges((code) => words[code] === 3), native.punctuation);
  assertEquals(ranges((code) => words[code] === 2), native.between);
});

for (
  const [name, change, changed, away] of [
    ["Accents come off", stripAccents, native.stripped, native.strippedAway],
    ["Letters become lower case", lowerCase, native.lowered, native.loweredAway],
  ] as const
) {
  Deno.test(`${name} as in the native library, for every code point`, () => {
    const expected = new Map(changed);
    const gone = ranges((code) => !isHangul(code) && change(String.fromCodePoint(code)) === "");
    assertEquals(gone, away);
    for (let code = 0; code < 0x110000; code++) {
      if ((code >= 0xd800 && code < 0xe000) || isHangul(code)) continue;
      const character = String.fromCodePoint(code), out = change(character);
      if (out === "") continue;
      if (out !== (expected.get(code) ?? character)) {
        throw new Error(`U+${code.toString(16)} became ${out}, expected ${expected.get(code)}`);
      }
    }
  });
}
