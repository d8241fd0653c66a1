/**
 * Ways of cutting a text into tokens, for {@link "./count_vectorizer.ts"}.
 */

/**
 * scikit-learn's default, `\b\w\w+\b`: runs of two or more letters, digits and underscores.
 * Everything else, punctuation above all, is dropped.
 */
export const WORDS = /[\p{L}\p{N}_]{2,}/gu;

/** Runs of letters, digits and underscores, and each punctuation mark by itself. */
export const WORDS_AND_PUNCTUATION = /[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]/gu;

const CODE = /[\p{L}_]+|\d+\.\d+|\d+|\n|\t|[^\p{L}\p{N}_\s]/gu;

/**
 * Tokens of program code: names, punctuation marks, line breaks and tabs; whole numbers all become
 * `0` and fractions `0.0`, since which number it is says little about the language.
 */
export function codeTokens(text: string): string[] {
  return (text.match(CODE) ?? []).map((token) =>
    /^\d/.test(token) ? (token.includes(".") ? "0.0" : "0") : token
  );
}
