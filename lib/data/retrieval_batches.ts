import { Random } from "./random.ts";
import { makeRetrievalBatch, type RetrievalBatch, type RetrievalTask } from "./retrieval.ts";

/** Sequences as a language model is given them. */
export interface TokenRows {
  /** Token ids, one row a sequence. */
  ids: Int32Array<ArrayBuffer>[];
  /** The ids where they answer a question, −100 elsewhere: what is learned. */
  labels: Int32Array<ArrayBuffer>[];
}

/** How many of the first token ids are keys, and how many of the next ones values. */
export type TokenKinds = Pick<RetrievalTask, "keys" | "values">;

/**
 * Sequences of a task as rows; labels stand at the answers, one place after their questions.
 *
 * @param kinds of a larger task whose token ids are wanted: a task with fewer keys and values uses
 * the first ones of each (default: the task's own).
 */
export function retrievalRows(
  { task, sequences, tokens, queryPositions }: RetrievalBatch,
  kinds: TokenKinds = task,
): TokenRows {
  const { length, queries, keys, values } = task;
  const moreKeys = kinds.keys - keys, moreValues = kinds.values - values;
  if (moreKeys < 0 || moreValues < 0) {
    throw new RangeError(
      `kinds has ${kinds.keys} keys and ${kinds.values} values; expected at least the task's ` +
        `${keys} and ${values}.`,
    );
  }
  const id = (token: number) =>
    token < keys ? token : token + moreKeys + (token < keys + values ? 0 : moreValues);
  const ids = Array.from(
    { length: sequences },
    (_, row) => Int32Array.from(tokens.subarray(row * length, (row + 1) * length), id),
  );
  const labels = ids.map((row, i) => {
    const answers = new Int32Array(length).fill(-100);
    for (const place of queryPositions.subarray(i * queries, (i + 1) * queries)) {
      answers[place + 1] = row[place + 1];
    }
    return answers;
  });
  return { ids, labels };
}

/**
 * Batches of several tasks in turn, without end, always of new sequences. A token id means the same
 * in all of them: keys come first, as many as the task with most of them has, then values, then
 * filler.
 *
 * ```ts
 * import { RetrievalBatches } from "cutloss/data/mod.ts";
 *
 * const task = { length: 32, needles: 2, queries: 1, keys: 8, values: 8, fillers: 16 };
 * const batches = new RetrievalBatches([task], { sequences: 4, seed: 1 });
 * const { ids, labels } = batches.next(); // four rows of 32 numbers each
 * ```
 */
export class RetrievalBatches {
  /** Number of batches given out; setting it goes there. */
  position = 0;
  /** Numbers of keys and of values among all tasks. */
  readonly kinds: TokenKinds;
  readonly #sequences: readonly number[];
  readonly #random: Random;

  /** @param sequences of a batch, for all tasks or for each. */
  constructor(
    readonly tasks: readonly RetrievalTask[],
    { sequences, seed = 0 }: { sequences: number | readonly number[]; seed?: number },
  ) {
    this.#sequences = typeof sequences === "number" ? tasks.map(() => sequences) : sequences;
    if (tasks.length === 0 || this.#sequences.length !== tasks.length) {
      throw new RangeError(
        `tasks has ${tasks.length} tasks and sequences ${this.#sequences.length} numbers; expected ` +
          `at least one task, and a number for each.`,
      );
    }
    const most = (count: (task: RetrievalTask) => number) =>
      tasks.reduce((most, task) => Math.max(most, count(task)), 0);
    this.kinds = { keys: most(({ keys }) => keys), values: most(({ values }) => values) };
    this.#random = new Random(seed).fork("retrieval batches");
  }

  /** The next batch. */
  next(): TokenRows {
    const at = this.position++, turn = at % this.tasks.length;
    const random = this.#random.fork(at);
    const batch = makeRetrievalBatch(this.tasks[turn], this.#sequences[turn], random);
    return retrievalRows(batch, this.kinds);
  }
}
