import { agree, type Tolerance } from "./rules.ts";

const NUMBER = /(?<![\w.])[−-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?/g;

/** One or more numbers ("3 to 8", "1.5, 2 and 4") with a unit of time, or counted in a time. */
const TIMES = new RegExp(
  `${NUMBER.source}(?:(?: to |–| and |, )${NUMBER.source})*[\\s\\u00a0\\u2009]?` +
    `(?:(?:ns|µs|ms|s|seconds?|minutes?|min|hours?|h)(?![\\w/])|\\S+\\/s(?!\\w)|\\w+ (?:a|per) second)`,
  "g",
);

/**
 * A text without what is this run's or this machine's own: times and rates become "‹time›", names of
 * the machine "‹machine›".
 *
 * @param machine texts that name this machine, such as the adapter's description
 */
export function maskText(text: string, machine: readonly string[]): string {
  let masked = text;
  for (const name of machine) masked = masked.replaceAll(name, "‹machine›");
  return masked.replace(TIMES, "‹time›").trim();
}

/** The words of a text, with "#" for each number, and the numbers as they are written. */
export function splitNumbers(text: string): { words: string; numbers: string[] } {
  const numbers: string[] = [];
  const words = text.replace(NUMBER, (number) => {
    numbers.push(number);
    return "#";
  });
  return { words, numbers };
}

/**
 * Whether two texts agree: the same words, and numbers within a tolerance and one unit of their last
 * digit, because rounding may tip it over; without a tolerance, the same to the last letter.
 */
export function textsAgree(text: string, recorded: string, tolerance?: Tolerance): boolean {
  if (text === recorded || !tolerance) return text === recorded;
  const [a, b] = [splitNumbers(text), splitNumbers(recorded)];
  return a.words === b.words && a.numbers.every((number, i) => {
    const lastDigit = Math.max(lastDigitOf(number), lastDigitOf(b.numbers[i]));
    const absolute = tolerance.absolute + 1.0001 * lastDigit;
    return agree(valueOf(number), valueOf(b.numbers[i]), { ...tolerance, absolute });
  });
}

function valueOf(number: string): number {
  return Number(number.replaceAll(",", "").replace("−", "-"));
}

/** What one step of a number's last written digit is worth; 0 for whole numbers. */
function lastDigitOf(number: string): number {
  const [mantissa, exponent = "0"] = number.split("e");
  const decimals = mantissa.split(".")[1]?.length;
  return decimals === undefined ? 0 : 10 ** (Number(exponent) - decimals);
}

/** A short fingerprint of a text (FNV-1a of its UTF-16 units, 32 bits). */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}
