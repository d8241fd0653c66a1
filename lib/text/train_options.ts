import type { AddedToken } from "./added_tokens.ts";

/** Complains unless a vocabulary of this size has room for what it must contain. */
export function checkVocabSize(vocabSize: number, needed: number): void {
  if (!Number.isInteger(vocabSize) || vocabSize < needed) {
    throw new RangeError(
      `vocabSize was ${vocabSize}; expected a whole number of at least ${needed}, the number of ` +
        "special tokens and of different characters to start from.",
    );
  }
}

/** Special tokens as tokenizer.json lists them. */
export function describeSpecialTokens(
  specialTokens: readonly string[],
  tokens: readonly string[],
): AddedToken[] {
  return [...new Set(specialTokens)].map((content) => ({
    id: tokens.indexOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
}
