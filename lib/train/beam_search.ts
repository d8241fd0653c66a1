import type { Decoder, DecoderCache } from "../nn/decoder.ts";
import { allowedTokens, checkLogits, checkMinNewTokens, endTokens, padPrompts } from "./prompts.ts";

/** Options of {@linkcode beamSearch}, with transformers' meanings and defaults. */
export interface BeamSearchOptions {
  /** Texts that are followed at a time for each prompt. */
  beams: number;
  maxNewTokens: number;
  /** New tokens before which no text ends (default 0). */
  minNewTokens?: number;
  /** Token (or tokens) that ends a text. */
  endOfText?: number | readonly number[];
  /** The score of a text is its log-probability / length ** lengthPenalty (default 1). */
  lengthPenalty?: number;
  /**
   * When a prompt is done: `true`, as soon as `beams` texts have ended; `false` (default), when no
   * text is likely to become better, judged by its present length; "never", when none can.
   */
  earlyStopping?: boolean | "never";
  /** Texts returned for each prompt, at most `beams` (default 1). */
  count?: number;
  /**
   * The only tokens that may follow what a text has so far, at least one (default: all); as
   * transformers' `prefix_allowed_tokens_fn`, with new tokens only. Scores stay those of the model.
   */
  allowed?: (prompt: number, tokens: readonly number[]) => readonly number[];
}

/** A text that was found. */
export interface BeamText {
  /** The new tokens, with the end of text. */
  tokens: number[];
  /** Log-probability / length ** lengthPenalty. */
  score: number;
}

/** A text that is being followed: its new tokens and their log-probability. */
interface Beam {
  tokens: number[];
  score: number;
}

/** A way to go on: with a token, from one of a prompt's beams. */
interface Candidate {
  beam: number;
  token: number;
  score: number;
}

/** What is known of one prompt. */
interface Search {
  running: Beam[];
  /** The best that have ended, best first; at most `beams`. */
  ended: BeamText[];
  /** Whether a running text may still become better than those that have ended. */
  hopeful: boolean;
}

/** The score of beams that must not be chosen. */
const NEVER = -1e9;

/** Whether something does not come from a beam that must not be chosen. */
const isPossible = ({ score }: { score: number }) => score > NEVER / 2;

/**
 * Follows several texts at a time and finds likelier ones than taking the likeliest token does; the
 * sequences are those of transformers' `generate(num_beams=…)`, whose rules for length and end it
 * follows.
 *
 * ```ts
 * import { beamSearch, Gpt2, Gpu } from "cutloss";
 * using gpu = await Gpu.open();
 * using model = new Gpt2(gpu, { vocabulary: 50, positions: 16, width: 8, layers: 1, heads: 2 });
 * const [[{ tokens, score }]] = await beamSearch(model, [[7]], { beams: 4, maxNewTokens: 5 });
 * ```
 *
 * @param prompts token ids of each; they may differ in length.
 * @returns for each prompt its best texts, best first.
 * @throws {RangeError} if an option is out of its range, if a prompt is empty or leaves no room, or if
 *   no token may follow.
 */
export async function beamSearch<Cache extends DecoderCache>(
  model: Decoder<Cache>,
  prompts: readonly ArrayLike<number>[],
  options: BeamSearchOptions,
): Promise<BeamText[][]> {
  const { beams, maxNewTokens, lengthPenalty = 1, earlyStopping = false, count = 1 } = options;
  const { minNewTokens = 0 } = options;
  for (const [name, value] of Object.entries({ beams, count })) {
    if (!(Number.isSafeInteger(value) && value >= 1 && value <= beams)) {
      throw new RangeError(
        `${name} is ${value}; expected a whole number of at least 1${
          name === "count" ? ` and at most beams = ${beams}` : ""
        }.`,
      );
    }
  }
  if (!Number.isFinite(lengthPenalty)) {
    throw new RangeError(`lengthPenalty is ${lengthPenalty}; expected a finite number.`);
  }
  checkMinNewTokens(minNewTokens);
  const ends = endTokens(options.endOfText);
  const { ids, mask, time } = padPrompts(prompts, maxNewTokens, model.longest);
  const forBeams = <T>(rows: T[]) =>
    rows.flatMap((row) => Array.from({ length: beams }, () => row));
  using cache = model.cache({
    batch: prompts.length * beams,
    capacity: time + maxNewTokens,
    ...(mask ? { mask: forBeams(mask) } : {}),
  });
  // At first all beams of a prompt are the same: only one of them may go on.
  const searches = prompts.map((): Search => ({
    running: Array.from({ length: beams }, (_, i) => ({ tokens: [], score: i === 0 ? 0 : NEVER })),
    ended: [],
    hopeful: true,
  }));
  // With so many, enough are left even if every beam could end in every way.
  const kept = Math.max(2, 1 + ends.size) * beams;
  let next: ArrayLike<number>[] = forBeams(ids);

  for (let length = 1; length <= maxNewTokens; length++) {
    using logits = model.next(next, cache);
    const all = await logits.read();
    const width = all.length / next.length, parents: number[] = [];
    const last = length === maxNewTokens;
    searches.forEach((search, prompt) => {
      const rows = search.running.map((_, i) => {
        const row = prompt * beams + i;
        return all.subarray(row * width, (row + 1) * width);
      });
      const { allowed } = options;
      const candidates = bestCandidates(
        rows,
        search.running,
        kept,
        // What follows a beam that must not be chosen does not matter, only that there is one.
        allowed && ((beam) => isPossible(beam) ? allowed(prompt, beam.tokens) : [0]),
        length <= minNewTokens ? ends : undefined,
      );
      const isEnd = ({ token }: Candidate) => last || ends.has(token);
      const extended = ({ beam, token, score }: Candidate): Beam => ({
        tokens: [...search.running[beam].tokens, token],
        score,
      });
      const full = search.ended.length === beams;
      if (search.hopeful && !(full && earlyStopping === true)) {
        // Only what is among the best `beams` may end; the others are there to go on.
        const mayEnd = (it: Candidate) => isEnd(it) && isPossible(it);
        const fresh = candidates.slice(0, beams).filter(mayEnd).map((candidate) => {
          const { tokens, score } = extended(candidate);
          return { tokens, score: score / length ** lengthPenalty };
        });
        search.ended = [...search.ended, ...fresh].sort((a, b) => b.score - a.score)
          .slice(0, beams);
      }
      const goOn = last ? candidates : candidates.filter((candidate) => !isEnd(candidate));
      const chosen = goOn.slice(0, beams);
      // With few tokens allowed, there may be fewer ways than beams.
      const hopeless = !chosen.some(isPossible);
      while (chosen.length < beams) chosen.push({ ...candidates[0], score: NEVER });
      search.running = chosen.map(extended);
      parents.push(...chosen.map(({ beam }) => prompt * beams + beam));
      const farthest = earlyStopping === "never" && lengthPenalty > 0 ? maxNewTokens : length;
      const possible = search.running[0].score / farthest ** lengthPenalty;
      const worst = search.ended.length === beams ? search.ended[beams - 1].score : NEVER;
      search.hopeful &&= !hopeless && possible > worst;
    });
    const allFull = searches.every(({ ended }) => ended.length === beams);
    if (!searches.some(({ hopeful }) => hopeful) || (allFull && earlyStopping === true)) break;
    if (last) break;
    cache.reorder(parents);
    next = searches.flatMap(({ running }) => running.map(({ tokens }) => [tokens.at(-1)!]));
  }
  return searches.map(({ ended }) => ended.slice(0, count));
}

/** The likeliest ways to go on, best first. */
function bestCandidates(
  logits: readonly Float32Array[],
  running: readonly Beam[],
  count: number,
  allowed?: (beam: Beam) => readonly number[],
  refused?: ReadonlySet<number>,
): Candidate[] {
  const best: Candidate[] = [];
  logits.forEach((row, beam) => {
    checkLogits(row);
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const lse = most + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0));
    const base = running[beam].score - lse;
    const tokens = allowed && [...allowedTokens(allowed(running[beam]), row.length)];
    for (let i = 0; i < (tokens ?? row).length; i++) {
      const token = tokens ? tokens[i] : i;
      if (refused?.has(token)) continue;
      const score = base + row[token];
      if (best.length === count && score <= best[count - 1].score) continue;
      let at = best.length;
      while (at > 0 && best[at - 1].score < score) at--;
      best.splice(at, 0, { beam, token, score });
      if (best.length > count) best.pop();
    }
  });
  if (best.some(isPossible) || !running.some(isPossible)) return best;
  throw new RangeError(
    "No token may follow: allowed() gave none, or only such as end a text before minNewTokens.",
  );
}
