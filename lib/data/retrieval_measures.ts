/**
 * How well a model retrieves, and what it looks at meanwhile.
 */
import type { RetrievalBatch } from "./retrieval.ts";

/** Right answers among questions whose needle lies in one part of the context. */
export interface DepthAccuracy {
  /** The part's edges, from 0 (beginning) to 1 (end). */
  readonly from: number;
  readonly to: number;
  readonly questions: number;
  /** NaN if there are no questions. */
  readonly accuracy: number;
}

/** Right answers. */
export interface RetrievalMeasures {
  readonly questions: number;
  readonly accuracy: number;
  readonly byDepth: readonly DepthAccuracy[];
}

/**
 * Compares a model's answers with the right ones.
 *
 * @param answers [sequences, queries] the token predicted after each question's key
 */
export function measureRetrieval(
  batch: RetrievalBatch,
  answers: ArrayLike<number>,
  { depths = 5 }: { depths?: number } = {},
): RetrievalMeasures {
  const { task: { length, queries }, targets, queryPositions, needlePositions } = batch;
  const questions = batch.sequences * queries;
  if (answers.length !== questions) {
    throw new RangeError(
      `answers must be one for each of the ${questions} questions, but were ${answers.length}.`,
    );
  }
  const parts = Array.from({ length: depths }, () => ({ questions: 0, right: 0 }));
  for (let i = 0; i < questions; i++) {
    const depth = needlePositions[i] / (length - 2 * queries);
    const part = parts[Math.floor(depth * depths)];
    part.questions++;
    const row = Math.floor(i / queries);
    if (answers[i] === targets[row * length + queryPositions[i]]) part.right++;
  }
  return {
    questions,
    accuracy: parts.reduce((sum, { right }) => sum + right, 0) / questions,
    byDepth: parts.map(({ questions, right }, i) => ({
      from: i / depths,
      to: (i + 1) / depths,
      questions,
      accuracy: right / questions,
    })),
  };
}

/** How a question's attention is divided; the shares have the sum 1. */
export interface AttentionShares {
  /** On the needle that answers it, key and value. */
  readonly answer: number;
  /** On the rest of the context: the noise. */
  readonly noise: number;
  /** On the questions, this one included. */
  readonly questions: number;
}

/**
 * Divides the attention of one question's key, as the paper's table 3 does.
 *
 * Differential attention has weights of both signs; as a share of what moves the output each
 * counts by its absolute value.
 *
 * @param weights [length] the weights with which the key's position attends to every position
 * @param row which sequence of the batch
 * @param query which of its questions
 */
export function attentionShares(
  batch: RetrievalBatch,
  weights: ArrayLike<number>,
  row: number,
  query: number,
): AttentionShares {
  const { length, queries } = batch.task;
  if (weights.length !== length) {
    throw new RangeError(`weights must be ${length}, one a position, but were ${weights.length}.`);
  }
  const needle = batch.needlePositions[row * queries + query];
  const sums = { answer: 0, noise: 0, questions: 0 };
  for (let i = 0; i < length; i++) {
    const part = i >= length - 2 * queries
      ? "questions"
      : i === needle || i === needle + 1
      ? "answer"
      : "noise";
    sums[part] += Math.abs(weights[i]);
  }
  const total = sums.answer + sums.noise + sums.questions;
  return {
    answer: sums.answer / total,
    noise: sums.noise / total,
    questions: sums.questions / total,
  };
}
