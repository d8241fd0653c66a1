/**
 * Text made by a seeded generator: English-looking words with Zipf's law for their frequencies.
 *
 * Words are drawn from 200,000 kinds with frequency 1 / (rank + 2.7) (Mandelbrot's correction), so
 * that new words keep turning up as in real text; 10 MB hold about 100,000 different ones, numbers
 * and capitals included. It is generated, not natural: there is no grammar in it, and letters
 * follow each other as syllables allow.
 */
import { Random } from "./random.ts";

const ONSETS = "b c d f g h j k l m n p r s t v w y ch sh th st tr pl gr br cl fr qu".split(" ");
const VOWELS = "a e i o u a e i o ea ou ai ee".split(" ");
const CODAS = ["", "", "", "n", "r", "s", "t", "l", "m", "nd", "st", "ng", "ck", "rt"];
const ENDINGS = ["", "", "", "s", "ed", "ing", "er", "ly", "tion", "ness", "able"];
const ALWAYS = "the of and to a in is it that was for on are as with his they at be this".split(
  " ",
);

/** How {@link zipfText} makes its text. */
export interface ZipfTextOptions {
  /** About how many UTF-16 units to make; the last word is finished. */
  length: number;
  /** The same seed gives the same text. */
  seed?: number;
  /** How many different words there are to draw from. */
  kinds?: number;
}

/** A text as described above. Nearly all of its characters are ASCII. */
export function zipfText({ length: wanted, seed = 0, kinds = 200_000 }: ZipfTextOptions): string {
  const generator = new Random(seed).fork("zipf text");
  const random = () => generator.float();
  const pick = <T>(list: readonly T[]) => list[generator.below(list.length)];
  const words = Array.from({ length: kinds }, (_, rank) => {
    if (rank < ALWAYS.length) return ALWAYS[rank];
    // Frequent words are short.
    const syllables = 1 + Math.floor(random() * Math.min(4, 1 + Math.log10(rank)));
    let word = "";
    for (let i = 0; i < syllables; i++) word += pick(ONSETS) + pick(VOWELS) + pick(CODAS);
    return word + (rank > 200 ? pick(ENDINGS) : "");
  });
  const cumulative = new Float64Array(kinds);
  let sum = 0;
  for (let rank = 0; rank < kinds; rank++) cumulative[rank] = sum += 1 / (rank + 2.7);
  const drawWord = () => {
    const at = random() * sum;
    let low = 0, high = kinds - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle] < at) low = middle + 1;
      else high = middle;
    }
    return words[low];
  };
  const parts: string[] = [];
  let length = 0, sentence = 0;
  while (length < wanted) {
    let word = random() < 0.015 ? String(Math.floor(10 ** (4 * random()))) : drawWord();
    if (random() < 0.01) word += pick(["'s", "'t", "'re", "'ll"]);
    if (random() < 0.003) word = pick(["café", "naïve", "—", "“" + word + "”", "Zürich"]);
    if (sentence === 0) word = word[0].toUpperCase() + word.slice(1);
    sentence++;
    let after = " ";
    if (sentence > 4 && random() < 0.12) {
      after = random() < 0.15 ? ".\n\n" : pick([". ", ". ", "? ", ".\n"]);
      sentence = 0;
    } else if (random() < 0.06) after = ", ";
    parts.push(word + after);
    length += word.length + after.length;
  }
  return parts.join("");
}
