/**
 * The task of putting a scrambled sentence's words back in order, as a data set.
 *
 * ```ts
 * import { makeScrambledSentences } from "cutloss/data/mod.ts";
 *
 * const { train, validation, test } = makeScrambledSentences({ level: 1, seed: 0 });
 * console.log(train[0]); // { text: "the cake once baked …", label: "once the baker baked …" }
 * ```
 *
 * Certain pairs of people never meet in the training sentences; the test consists of sentences in
 * which they do, so that it asks what was understood and not what was memorised. All sentences are
 * generated and different from each other.
 */
import { Random } from "./random.ts";
import { SentenceGrammar } from "./sentence_grammar.ts";
import { OCCUPATIONS } from "./sentence_lexicon.ts";

/** A sentence out of order and in order, under the column names of the post's data set. */
export interface ScrambledSentence {
  /** The words in a random order that differs from the label's. */
  readonly text: string;
  /** The sentence. */
  readonly label: string;
}

/** Options of {@linkcode makeScrambledSentences}. */
export interface ScrambledSentencesOptions {
  /** 1: 157 words, up to two clauses. 2: 495 words, up to three clauses, order depends on context. */
  level?: 1 | 2;
  /** The same seed gives the same sentences. */
  seed?: number;
  /** How many sentences to train on. */
  train?: number;
  /** How many sentences of the same kind to choose a checkpoint by. */
  validation?: number;
  /** How many sentences with pairs of people that the others lack. */
  test?: number;
}

/** Sentences split for training, for choosing a checkpoint, and for the final measure. */
export interface ScrambledSentences {
  readonly train: ScrambledSentence[];
  readonly validation: ScrambledSentence[];
  readonly test: ScrambledSentence[];
}

/** Generates the data set; about 100,000 sentences in a second. */
export function makeScrambledSentences(
  { level = 1, seed = 0, train = 20000, validation = 200, test = 1000 }: ScrambledSentencesOptions =
    {},
): ScrambledSentences {
  const grammar = new SentenceGrammar(level);
  const random = new Random(seed).fork(`scrambled sentences ${level}`);
  const splits: ScrambledSentences = { train: [], validation: [], test: [] };
  const sizes = { train, validation, test };
  const seen = new Set<string>();
  while (
    splits.test.length < test || splits.validation.length < validation ||
    splits.train.length < train
  ) {
    const words = grammar.generate(random);
    const split = hasHeldOutPair(grammar, words)
      ? "test"
      : splits.validation.length < validation
      ? "validation"
      : "train";
    if (splits[split].length === sizes[split]) continue;
    const label = words.join(" ");
    if (seen.has(label)) continue;
    seen.add(label);
    splits[split].push({ text: scramble(label, random), label });
  }
  return splits;
}

/** The words of a sentence in a random order; another order than the given one if there is one. */
export function scramble(sentence: string, random: Random): string {
  const words = sentence.split(" ");
  if (new Set(words).size < 2) return sentence;
  for (;;) {
    const scrambled = random.shuffle(words).join(" ");
    if (scrambled !== sentence) return scrambled;
  }
}

const INDEX = new Map(OCCUPATIONS.map(({ name }, i) => [name, i]));

/** Whether two people are never shown together in training; a fifth of all pairs are not. */
export function isHeldOutPair(a: string, b: string): boolean {
  const [i, j] = [INDEX.get(a)!, INDEX.get(b)!].sort((x, y) => x - y);
  return (7 * i + 3 * j) % 5 === 0;
}

function hasHeldOutPair(grammar: SentenceGrammar, words: readonly string[]): boolean {
  const names = grammar.occupations(words).map(({ name }) => name);
  return names.some((a, i) => names.slice(i + 1).some((b) => isHeldOutPair(a, b)));
}
