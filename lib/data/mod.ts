/**
 * Data to train on: random numbers with a seed, batches and splits, and data sets made by seeded
 * generators. With web standards only; what reads files and downloads is in {@link "./read.ts"}.
 *
 * ```ts
 * import { Batches, makeCodeSnippets, stratifiedSplit } from "cutloss/data/mod.ts";
 *
 * const snippets = makeCodeSnippets({ count: 100, seed: 1 });
 * const { train, test } = stratifiedSplit(snippets, { train: 0.8, test: 0.2 }, {
 *   by: ({ language }) => language,
 * });
 * const batches = new Batches(train.length, { batchSize: 16 });
 * console.log(test.length, Array.from(batches.next(), (i) => train[i].code));
 * ```
 *
 * @module
 */
export { Batches, type BatchesOptions, type BatchPosition } from "./batches.ts";
export { CODE_FEATURE_TOKENS, type CodeFeature, markCodeFeatures } from "./code_features.ts";
export { LANGUAGE_NAMES, type LanguageName } from "./code_languages.ts";
export {
  type CodeSnippet,
  type CodeSnippetsOptions,
  LANGUAGE_COUNTS,
  makeCodeSnippets,
} from "./code_snippets.ts";
export {
  type DescramblingBatch,
  DescramblingBatches,
  type DescramblingBatchesOptions,
  type DescramblingExample,
  DescramblingPrompts,
  type DescramblingPromptsOptions,
  wordsOf,
} from "./descrambling_prompts.ts";
export {
  flat,
  type LanguageModelData,
  type LanguageModelOptions,
  trainedLike,
} from "./language_model.ts";
export { Random } from "./random.ts";
export {
  associativeRecall,
  makeRetrievalBatch,
  type RetrievalBatch,
  type RetrievalTask,
  retrievalTokenName,
  retrievalVocabulary,
} from "./retrieval.ts";
export {
  RetrievalBatches,
  retrievalRows,
  type TokenKinds,
  type TokenRows,
} from "./retrieval_batches.ts";
export {
  type AttentionShares,
  attentionShares,
  resultShares,
  retrievalAccuracy,
  type RetrievalShares,
  rightAnswers,
} from "./retrieval_measures.ts";
export {
  isHeldOutPair,
  makeScrambledSentences,
  scramble,
  type ScrambledSentence,
  type ScrambledSentences,
  type ScrambledSentencesOptions,
} from "./scrambled_sentences.ts";
export { type ClausePlan, SentenceGrammar } from "./sentence_grammar.ts";
export { stratifiedSplit, type StratifiedSplitOptions } from "./splits.ts";
export {
  type LabelledTokens,
  type PadOptions,
  padTokens,
  type TokenBatch,
  TokenBatches,
  type TokenBatchesOptions,
} from "./token_batches.ts";
export { zipfText, type ZipfTextOptions } from "./zipf_text.ts";
