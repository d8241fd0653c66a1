/**
 * What a tokenizer made for prose loses of code, written as tokens of its own.
 *
 * BERT's normaliser turns line breaks and tabs into spaces and drops them, and its vocabulary
 * cuts numbers into arbitrary pieces. As in the post, each can be replaced by a token that is added
 * to the vocabulary.
 */

/** A kind of feature and the token that stands for it. */
export const CODE_FEATURE_TOKENS = {
  newline: "[NEWLINE]",
  tab: "[TAB]",
  integer: "[INT]",
  float: "[FLOAT]",
} as const;

/** One of newline, tab, integer and float. */
export type CodeFeature = keyof typeof CODE_FEATURE_TOKENS;

const PATTERNS: Readonly<Record<CodeFeature, RegExp>> = {
  newline: /\r\n|\r|\n/g,
  tab: /\t/g,
  // Not inside names such as x1, not next to a point that belongs to a fraction.
  integer: /(?<![\p{L}\p{N}_]|\d\.)\d+(?![\p{L}\p{N}_]|\.\d)/gu,
  float: /(?<![\p{L}\p{N}_]|\d\.)\d+\.\d+(?:[eE][+-]?\d+)?(?![\p{L}\p{N}_]|\.\d)/gu,
};

/**
 * Replaces features of code by their tokens, each between spaces.
 *
 * ```ts
 * import { markCodeFeatures } from "cutloss/data/mod.ts";
 *
 * markCodeFeatures("x1 = 2.5;\n\ty = 3;", ["newline", "float"]);
 * // "x1 =  [FLOAT] ; [NEWLINE] \ty = 3;"
 * ```
 *
 * @param features those to replace; the others stay as they are
 */
export function markCodeFeatures(
  code: string,
  features: readonly CodeFeature[] = ["newline", "tab", "integer", "float"],
): string {
  // Fractions before whole numbers, numbers before the white space that is put around them.
  const order: CodeFeature[] = ["float", "integer", "tab", "newline"];
  return order.filter((feature) => features.includes(feature)).reduce(
    (text, feature) => text.replace(PATTERNS[feature], ` ${CODE_FEATURE_TOKENS[feature]} `),
    code,
  );
}
