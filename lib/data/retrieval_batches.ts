import { Random } from "./random.ts";
import { makeRetrievalBatch, type RetrievalBatch, type RetrievalTask } from "./retrieval.ts";

/** Sequences as a language model is given them. */
export interface TokenRows {
  /** Token ids, one row a sequence. */
  ids: Int32Array<ArrayBuffer>[];
  /** The ids where they answer a question, −100 elsewhere: what is learned. */
  labels: Int32Array<ArrayBuffer>[];
}

/** Sequences of a task as rows; labels stand at the answers, one place after their questions. */
export function retrievalRows(
  { task: { length, queries }, sequences, tokens, queryPositions }: RetrievalBatch,
): TokenRows {
  const ids = Array.from(
    { length: sequences },
    (_, row) => Int32Array.from(tokens.subarray(row * length, (row + 1) * length)),
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
 * Batches of several tasks in turn, without end; no sequence comes twice. Tasks that are trained
 * together share their token ids: the same numbers of keys, values and (where they have any) fillers.
 *
 * ```ts
 * import { RetrievalBatches } from "cutloss/data/retrieval_batches.ts";
 *
 * const task = { length: 32, needles: 2, queries: 1, keys: 8, values: 8, fillers: 16 };
 * const batches = new RetrievalBatches([task], { sequences: 4, seed: 1 });
 * const { ids, labels } = batches.next(); // four rows of 32 numbers each
 * ```
 */
export class RetrievalBatches {
  /** Number of batches given out; setting it goes there. */
  position = 0;
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
    for (const name of ["keys", "values"] as const) {
      const different = new Set(tasks.map((task) => task[name]));
      if (different.size > 1) {
        throw new RangeError(
          `tasks have ${[...different].join(" and ")} ${name}; expected the same number, so that ` +
            `token ids mean the same in all.`,
        );
      }
    }
    this.#random = new Random(seed).fork("retrieval batches");
  }

  /** The next batch. */
  next(): TokenRows {
    const at = this.position++, turn = at % this.tasks.length;
    const random = this.#random.fork(at);
    return retrievalRows(makeRetrievalBatch(this.tasks[turn], this.#sequences[turn], random));
  }
}
