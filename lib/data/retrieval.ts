/**
 * Tasks that ask a language model to find something it has read: the tests of differential
 * attention.
 *
 * A sequence is a context followed by questions. The context holds needles, each a key and the
 * value after it, in a haystack of filler; a question is one of the keys, and the right
 * continuation is its value:
 *
 * ```text
 * · · k7 v2 · · · k1 v9 · v4 · k3 v2 · ·   k1 → v9   k7 → v2
 * ```
 *
 * With filler this is multi-needle retrieval as in the paper (Ye et al. 2024, "Differential
 * Transformer", section 3.3, there with cities and magic numbers in prose); without any it is
 * associative recall (Arora et al. 2023, "Zoology").
 */
import type { Random } from "./random.ts";

/** How a task's sequences look. */
export interface RetrievalTask {
  /** Tokens per sequence, T. */
  readonly length: number;
  /** How many key–value pairs are hidden. */
  readonly needles: number;
  /** How many of them are asked for, at the sequence's end. */
  readonly queries: number;
  /** How many different keys there are; those of a sequence differ. */
  readonly keys: number;
  /** How many different values there are; those of a sequence may repeat. */
  readonly values: number;
  /** How many different filler words there are. */
  readonly fillers: number;
  /** The share of filler that is replaced by values without a key, to be mistaken for answers. */
  readonly decoys?: number;
  /**
   * Where the first needle asked for lies: 0 at the context's beginning, 1 at its end. By default
   * every needle lies anywhere.
   */
  readonly depth?: number;
}

/** Sequences of a task. Rows of the first two arrays are sequences, of the others questions. */
export interface RetrievalBatch {
  readonly task: RetrievalTask;
  readonly sequences: number;
  /** [sequences, length] token ids: keys first, then values, then filler. */
  readonly tokens: Uint32Array<ArrayBuffer>;
  /** [sequences, length] the token after a question's key, −100 elsewhere. */
  readonly targets: Int32Array<ArrayBuffer>;
  /** [sequences, queries] the position of each question's key. */
  readonly queryPositions: Uint32Array<ArrayBuffer>;
  /** [sequences, queries] the position of the key in the context; its value comes next. */
  readonly needlePositions: Uint32Array<ArrayBuffer>;
}

/** How many token ids a task uses. */
export function retrievalVocabulary({ keys, values, fillers }: RetrievalTask): number {
  return keys + values + fillers;
}

/** A token's name for people: k7 for a key, v2 for a value, f5 for filler. */
export function retrievalTokenName(task: RetrievalTask, token: number): string {
  if (token < task.keys) return `k${token}`;
  if (token < task.keys + task.values) return `v${token - task.keys}`;
  return `f${token - task.keys - task.values}`;
}

/**
 * Associative recall: a context of nothing but pairs.
 *
 * @param pairs how many pairs there are
 * @param queries how many of them are asked for, by default all
 */
export function associativeRecall(
  { pairs, queries = pairs, keys = 2 * pairs, values = 32 }: {
    pairs: number;
    queries?: number;
    keys?: number;
    values?: number;
  },
): RetrievalTask {
  return { length: 2 * (pairs + queries), needles: pairs, queries, keys, values, fillers: 0 };
}

/**
 * Makes sequences of a task. Filler words are distributed as Zipf's law has it, the r-th as 1/r.
 *
 * ```ts
 * import { makeRetrievalBatch, Random } from "cutloss/data/mod.ts";
 *
 * const task = { length: 256, needles: 6, queries: 2, keys: 64, values: 32, fillers: 100 };
 * const step = 17; // Each step of a training has its own fork, so that it can be resumed.
 * const batch = makeRetrievalBatch(task, 32, new Random(0).fork(step));
 * ```
 *
 * @throws RangeError if the task is impossible: too many needles, questions or keys
 */
export function makeRetrievalBatch(
  task: RetrievalTask,
  sequences: number,
  random: Random,
): RetrievalBatch {
  checkTask(task);
  const { length, queries } = task;
  const batch: RetrievalBatch = {
    task,
    sequences,
    tokens: new Uint32Array(sequences * length),
    targets: new Int32Array(sequences * length).fill(-100),
    queryPositions: new Uint32Array(sequences * queries),
    needlePositions: new Uint32Array(sequences * queries),
  };
  const zipf = cumulativeZipf(task.fillers);
  for (let row = 0; row < sequences; row++) writeSequence(batch, row, zipf, random);
  return batch;
}

function writeSequence(
  { task, tokens, targets, queryPositions, needlePositions }: RetrievalBatch,
  row: number,
  zipf: Float64Array,
  random: Random,
): void {
  const { length, needles, queries, keys, values, decoys = 0, depth } = task;
  const context = length - 2 * queries;
  const start = row * length;
  for (let i = 0; i < context; i++) {
    const decoy = decoys > 0 && random.chance(decoys);
    tokens[start + i] = decoy
      ? keys + random.below(values)
      : keys + values + pickFrom(zipf, random);
  }
  const places = needlePlaces(context, needles, depth, random);
  const chosenKeys = random.sample(Array.from({ length: keys }, (_, i) => i), needles);
  const chosenValues = chosenKeys.map(() => keys + random.below(values));
  places.forEach((place, i) => {
    tokens[start + place] = chosenKeys[i];
    tokens[start + place + 1] = chosenValues[i];
  });
  const all = [...places.keys()];
  // With a depth, the needle that lies there is the first one, and is asked for first.
  const asked = depth === undefined
    ? random.sample(all, queries)
    : [0, ...random.sample(all.slice(1), queries - 1)];
  asked.forEach((needle, q) => {
    const position = context + 2 * q;
    tokens[start + position] = chosenKeys[needle];
    tokens[start + position + 1] = chosenValues[needle];
    targets[start + position] = chosenValues[needle];
    queryPositions[row * queries + q] = position;
    needlePositions[row * queries + q] = places[needle];
  });
}

/** Places for pairs that do not overlap; the first one at a depth if that is given. */
function needlePlaces(
  context: number,
  needles: number,
  depth: number | undefined,
  random: Random,
): number[] {
  if (depth === undefined) return random.shuffle(disjointPairs(context, needles, random));
  const others = disjointPairs(context - 2, needles - 1, random);
  const wanted = Math.round(depth * (context - 2));
  // Not into the middle of another pair, but before it.
  const place = others.includes(wanted - 1) ? wanted - 1 : wanted;
  return [place, ...random.shuffle(others.map((other) => other >= place ? other + 2 : other))];
}

/** The first places of `count` pairs in `length` places, all ways equally likely, in order. */
function disjointPairs(length: number, count: number, random: Random): number[] {
  // Choosing n of l − n single places, and letting each of them grow to two.
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(random.below(length - count));
  return [...chosen].sort((a, b) => a - b).map((place, i) => place + i);
}

function checkTask(task: RetrievalTask): void {
  const { length, needles, queries, keys, values, fillers, decoys = 0, depth = 0 } = task;
  const refuse = (why: string): never => {
    throw new RangeError(`The retrieval task is impossible: ${why}.`);
  };
  for (const [name, value] of Object.entries({ length, needles, queries, keys, values })) {
    if (!Number.isSafeInteger(value) || value < 1) refuse(`${name} must be ≥ 1, but was ${value}`);
  }
  if (queries > needles) refuse(`${queries} of ${needles} needles cannot be asked for`);
  if (needles > keys) refuse(`${needles} needles need as many keys, but there are ${keys}`);
  const room = length - 2 * queries - 2 * needles;
  if (room < 0) refuse(`length ${length} is less than the ${length - room} tokens of its pairs`);
  if (room > 0 && fillers < 1) refuse(`${room} places are left for filler, but there is none`);
  if (!(decoys >= 0 && decoys <= 1)) refuse(`decoys must be from 0 to 1, but was ${decoys}`);
  if (!(depth >= 0 && depth <= 1)) refuse(`depth must be from 0 to 1, but was ${depth}`);
}

function cumulativeZipf(count: number): Float64Array {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) sums[rank] = sum += 1 / (rank + 1);
  return sums;
}

/** An index, as likely as its step in the cumulative weights; 0 if there are none. */
function pickFrom(cumulative: Float64Array, random: Random): number {
  if (cumulative.length === 0) return 0;
  const x = random.float() * cumulative[cumulative.length - 1];
  let low = 0, high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > x) high = middle;
    else low = middle + 1;
  }
  return low;
}
