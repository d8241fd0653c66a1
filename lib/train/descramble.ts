import type { DescramblingPrompts } from "../data/descrambling_prompts.ts";
import type { Decoder, DecoderCache } from "../nn/decoder.ts";
import { beamSearch } from "./beam_search.ts";
import { generate } from "./generate.ts";
import { checkBatchSize } from "./prompts.ts";
import { WordConstraint } from "./word_constraint.ts";

/** How {@linkcode descramble} looks for answers. */
export interface DescrambleOptions {
  /** Texts that are followed at a time (default 1: greedy, the likeliest token each time). */
  beams?: number;
  /** Answers returned for each sentence, at most `beams` (default 1). */
  count?: number;
  /** Whether an answer must have exactly the words of its sentence (default false). */
  constrained?: boolean;
  /** Sentences that go through the model at a time (default 64). */
  batchSize?: number;
  /** Called after each batch with the number of sentences that are done. */
  onProgress?: (done: number) => void | Promise<void>;
}

/** An answer. */
export interface DescrambledSentence {
  /** Its words. */
  words: string[];
  /** Its tokens, with the end of text. */
  tokens: number[];
  /** Mean log-probability of a token in nats; NaN for greedy answers. */
  score: number;
}

/** Tokens that an unconstrained answer may be longer than the sentence: room to be wrong. */
const SPARE = 6;

/**
 * Puts the words of sentences in order with a language model that has learned to.
 *
 * ```ts ignore
 * const [[{ words }]] = await descramble(model, prompts, ["sleeps cat the"], { constrained: true });
 * ```
 *
 * @param texts scrambled sentences; they may differ in length. Where a prompt and its answer are more
 *   tokens than the model has places, the answer ends early.
 * @returns for each sentence its answers, best first.
 * @throws {RangeError} if a prompt alone is too long for the model, or if batchSize, beams or count is no
 *   whole number of at least 1 or count is more than beams.
 */
export async function descramble<Cache extends DecoderCache>(
  model: Decoder<Cache>,
  prompts: DescramblingPrompts,
  texts: readonly string[],
  { beams = 1, count = 1, constrained = false, batchSize = 64, onProgress }: DescrambleOptions = {},
): Promise<DescrambledSentence[][]> {
  checkBatchSize("descramble", batchSize);
  // Else a greedy search would give its one answer without a word; `beamSearch` checks its own.
  if (beams === 1 && count !== 1) {
    throw new RangeError(`descramble(): count is ${count}; expected 1, since beams is 1.`);
  }
  const answers: DescrambledSentence[][] = new Array(texts.length);
  const words = texts.map((text) => prompts.encodeWords(text));
  const lengths = words.map((tokens) => tokens.flat().length);
  // Sentences of like length together, so that little of a batch is padding.
  const order = [...texts.keys()].sort((a, b) => lengths[a] - lengths[b]);
  for (let first = 0; first < order.length; first += batchSize) {
    const batch = order.slice(first, first + batchSize);
    const constraints = batch.map((i) => new WordConstraint(words[i], prompts.endOfText));
    const asked = batch.map((i) => prompts.encodePrompt(texts[i]));
    const room = model.longest - Math.max(...asked.map(({ length }) => length));
    const wanted = Math.max(...batch.map((i) => lengths[i])) + (constrained ? 1 : SPARE);
    const options = {
      // Where the model has too few places the answer ends early; `generate` refuses no room at all.
      maxNewTokens: Math.max(1, Math.min(wanted, room)),
      endOfText: prompts.endOfText,
      ...(constrained
        ? { allowed: (i: number, tokens: readonly number[]) => constraints[i].allowed(tokens) }
        : {}),
    };
    const found = beams === 1
      ? (await generate(model, asked, options)).map((tokens) => [{ tokens, score: NaN }])
      : await beamSearch(model, asked, { ...options, beams, count });
    batch.forEach((i, k) =>
      answers[i] = found[k].map((it) => ({ ...it, words: prompts.readAnswer(it.tokens) }))
    );
    await onProgress?.(first + batch.length);
  }
  return answers;
}
