/**
 * The best order of given words under an n-gram model, by beam search.
 */
import type { NgramModel } from "./ngram_model.ts";

/** A partial sentence: its last word, and the beam that it prolongs. */
interface Beam {
  readonly score: number;
  /** The index of the last word, or that of the boundary. */
  readonly word: number;
  readonly parent: Beam | undefined;
  /** How many of each different word are left, as the codes of a string's characters. */
  readonly left: string;
}

/**
 * Orders `words` so that the model finds the sentence as likely as it can.
 *
 * Partial sentences that end alike and have the same words left will go on alike; only the best of
 * them is kept. With a wide enough beam the search is therefore exact.
 *
 * ```ts
 * import { NgramModel, orderWords } from "cutloss/classic/mod.ts";
 *
 * const model = new NgramModel([["the", "cat", "sleeps"], ["the", "dog", "runs"]], { order: 2 });
 * console.log(orderWords(["runs", "the", "dog"], model)); // ["the", "dog", "runs"]
 * ```
 *
 * @param words in any order; each is used as often as it is given
 * @param beamWidth how many partial sentences are kept at each length
 */
export function orderWords(
  words: readonly string[],
  model: NgramModel,
  { beamWidth = 64 }: { beamWidth?: number } = {},
): string[] {
  const different = [...new Set(words)].sort();
  const boundary = different.length;
  const counts = different.map((word) => words.filter((other) => other === word).length);
  const scoreOf = memoised(model, different);
  let beams: Beam[] = [
    { score: 0, word: boundary, parent: undefined, left: String.fromCharCode(...counts) },
  ];
  for (let length = 0; length < words.length; length++) {
    const best = new Map<string, Beam>();
    for (const beam of beams) {
      const before = beam.parent?.word ?? boundary;
      for (let word = 0; word < boundary; word++) {
        const count = beam.left.charCodeAt(word);
        if (count === 0) continue;
        const score = beam.score + scoreOf(before, beam.word, word);
        const left = beam.left.slice(0, word) + String.fromCharCode(count - 1) +
          beam.left.slice(word + 1);
        const key = left + String.fromCharCode(word, model.order === 3 ? beam.word : 0);
        const rival = best.get(key);
        if (!rival || score > rival.score) best.set(key, { score, word, parent: beam, left });
      }
    }
    beams = [...best.values()].sort((a, b) => b.score - a.score).slice(0, beamWidth);
  }
  let winner = beams[0];
  let highest = -Infinity;
  for (const beam of beams) {
    const score = beam.score + scoreOf(beam.parent?.word ?? boundary, beam.word, boundary);
    if (score > highest) [winner, highest] = [beam, score];
  }
  const sentence: string[] = [];
  for (let beam = winner; beam.parent; beam = beam.parent) sentence.push(different[beam.word]);
  return sentence.reverse();
}

/** The model's log-probability of one of these words after two of them, each looked up once. */
function memoised(
  model: NgramModel,
  different: readonly string[],
): (before: number, last: number, word: number) => number {
  const size = different.length + 1;
  const known = new Float64Array(size ** 3).fill(NaN);
  return (before, last, word) => {
    const index = (before * size + last) * size + word;
    if (Number.isNaN(known[index])) {
      const context = [before, last].flatMap((i) => different[i] ?? []);
      known[index] = model.logProbability(context, different[word]);
    }
    return known[index];
  };
}
