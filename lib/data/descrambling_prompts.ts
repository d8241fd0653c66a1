/**
 * Scrambled sentences as a language model sees them: a prompt that ends where the answer begins.
 */
import type { Tokenizer } from "../text/tokenizer.ts";
import { Batches, type BatchPosition } from "./batches.ts";
import type { ScrambledSentence } from "./scrambled_sentences.ts";

/** The label of tokens from which nothing is learned. */
const IGNORED = -100;

/** A sentence to learn from. */
export interface DescramblingExample {
  /** Prompt, answer, end of text. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** The same ids where the model learns, −100 elsewhere. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Tokens of the prompt. */
  readonly promptLength: number;
  /** Tokens that did not fit and were left out, at the end of the answer. */
  readonly cut: number;
}

/** Examples of different lengths as one batch; what `Gpt2.loss` takes. */
export interface DescramblingBatch {
  /** Token ids [B, T], filled up with the end of text on the right. */
  readonly ids: Int32Array<ArrayBuffer>[];
  /** [B, T], −100 on prompts and padding. */
  readonly labels: Int32Array<ArrayBuffer>[];
  /** [B, T], 1 for tokens, 0 for padding. */
  readonly mask: Int32Array<ArrayBuffer>[];
}

/** Options of {@linkcode DescramblingPrompts}. */
export interface DescramblingPromptsOptions {
  /** The token that ends an answer (default "<|endoftext|>"). */
  endOfText?: string;
  /** Most tokens of an example, answer and end included (default 128). */
  longest?: number;
  /**
   * Whether the end of text is learned (default true). False does what follows from padding with
   * the end of text and then ignoring every label that is padding: the real end goes with it.
   */
  learnEnd?: boolean;
}

/**
 * Writes prompts, `wrong sentence: … correct sentence:`, and reads answers.
 *
 * ```ts
 * import { trainBpe } from "cutloss/text/mod.ts";
 * import { DescramblingPrompts } from "cutloss/data/mod.ts";
 *
 * const tokenizer = trainBpe(["wrong correct sentence: the cat sleeps"], {
 *   vocabSize: 300,
 *   specialTokens: ["<|endoftext|>"],
 * });
 * const prompts = new DescramblingPrompts(tokenizer);
 * const { ids, labels } = prompts.encode({ text: "cat sleeps the", label: "the cat sleeps" });
 * console.log(tokenizer.decode(ids)); // wrong sentence: cat sleeps the correct sentence: the cat …
 * ```
 */
export class DescramblingPrompts {
  /** Id of the token that ends an answer. */
  readonly endOfText: number;
  readonly longest: number;
  readonly learnEnd: boolean;

  /** @throws {RangeError} if the tokenizer does not know the end of text. */
  constructor(
    readonly tokenizer: Tokenizer,
    { endOfText = "<|endoftext|>", longest = 128, learnEnd = true }: DescramblingPromptsOptions =
      {},
  ) {
    const id = tokenizer.tokenToId(endOfText);
    if (id === undefined) {
      throw new RangeError(`endOfText is "${endOfText}"; expected a token of the tokenizer.`);
    }
    this.endOfText = id;
    this.longest = longest;
    this.learnEnd = learnEnd;
  }

  /** The text of a prompt. */
  promptOf(text: string): string {
    return `wrong sentence: ${wordsOf(text).join(" ")} correct sentence:`;
  }

  /** Token ids of a prompt. */
  encodePrompt(text: string): number[] {
    return Array.from(this.tokenizer.encode(this.promptOf(text)).ids);
  }

  /**
   * Token ids of each word as it stands in an answer, behind a space. One after the other they are
   * the tokens of the whole, since the tokenizer never joins what a space separates.
   */
  encodeWords(text: string): number[][] {
    return wordsOf(text).map((word) => Array.from(this.tokenizer.encode(` ${word}`).ids));
  }

  /** An example to learn from; the prompt's labels are −100. */
  encode({ text, label }: ScrambledSentence): DescramblingExample {
    const prompt = this.encodePrompt(text);
    const answer = this.tokenizer.encode(` ${wordsOf(label).join(" ")}`).ids;
    const all = [...prompt, ...answer, this.endOfText];
    const ids = Int32Array.from(all.slice(0, this.longest));
    const labels = ids.map((id, i) => i < prompt.length ? IGNORED : id);
    const cut = all.length - ids.length;
    if (!this.learnEnd && cut === 0) labels[labels.length - 1] = IGNORED;
    return { ids, labels, promptLength: Math.min(prompt.length, this.longest), cut };
  }

  /** Examples side by side, filled up on the right to the longest of them. */
  batch(examples: readonly DescramblingExample[]): DescramblingBatch {
    const time = Math.max(...examples.map(({ ids }) => ids.length));
    const filled = (row: Int32Array, value: number) => {
      const result = new Int32Array(time).fill(value);
      result.set(row);
      return result;
    };
    return {
      ids: examples.map(({ ids }) => filled(ids, this.endOfText)),
      labels: examples.map(({ labels }) => filled(labels, IGNORED)),
      mask: examples.map(({ ids }) => new Int32Array(time).fill(1, 0, ids.length)),
    };
  }

  /** The words of an answer, up to the end of text. */
  readAnswer(tokens: readonly number[]): string[] {
    const end = tokens.indexOf(this.endOfText);
    return wordsOf(this.tokenizer.decode(end < 0 ? tokens : tokens.slice(0, end)));
  }
}

/** Options of {@linkcode DescramblingBatches}. */
export interface DescramblingBatchesOptions {
  batchSize: number;
  /** The same seed gives the same batches. */
  seed?: number;
  /**
   * How many batches' examples are sorted by length before they are cut into batches (default 2).
   * More means less padding, but batches of only short or only long examples, which learn slower.
   */
  sortedTogether?: number;
}

/**
 * An endless source of batches for `train` of lib/train. Examples of similar length share a batch;
 * the order of an epoch depends on the seed and its number only.
 */
export class DescramblingBatches {
  readonly #prompts: DescramblingPrompts;
  readonly #examples: readonly DescramblingExample[];
  readonly #batches: Batches;

  constructor(
    prompts: DescramblingPrompts,
    examples: readonly DescramblingExample[],
    { batchSize, seed = 0, sortedTogether = 2 }: DescramblingBatchesOptions,
  ) {
    this.#prompts = prompts;
    this.#examples = examples;
    const lengths = examples.map(({ ids }) => ids.length);
    this.#batches = new Batches(examples.length, {
      ...{ batchSize, seed, lengths, sortedTogether },
      dropLast: true,
    });
  }

  /** How many batches an epoch has. */
  get batchesPerEpoch(): number {
    return this.#batches.batchesPerEpoch;
  }

  /** Where the next batch comes from. Setting it goes there. */
  get position(): BatchPosition {
    return this.#batches.position;
  }

  set position(position: BatchPosition) {
    this.#batches.position = position;
  }

  next(): DescramblingBatch {
    return this.#prompts.batch(Array.from(this.#batches.next(), (i) => this.#examples[i]));
  }
}

/** What white space separates. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
