/**
 * How well a model retrieves, and what it looks at meanwhile.
 */
import type { RetrievalBatch } from "./retrieval.ts";

/** The right answers, [sequences, queries]: the token after each question's key. */
export function rightAnswers(
  { task: { length, queries }, targets, queryPositions }: RetrievalBatch,
): number[] {
  return Array.from(
    queryPositions,
    (position, i) => targets[Math.floor(i / queries) * length + position],
  );
}

/** The share of a model's answers that are right, from 0 to 1. */
export function retrievalAccuracy(batch: RetrievalBatch, answers: ArrayLike<number>): number {
  const right = rightAnswers(batch);
  if (answers.length !== right.length) {
    throw new RangeError(
      `answers must be one for each of the ${right.length} questions, but were ${answers.length}.`,
    );
  }
  return right.filter((answer, i) => answers[i] === answer).length / right.length;
}

/** How something that a question gathers is divided among the parts of its sequence. */
export interface RetrievalShares {
  /** From the needle that answers it, key and value. */
  readonly answer: number;
  /** From the rest of the context: the noise. */
  readonly noise: number;
  /** From the questions, this one included. */
  readonly questions: number;
}

/** How a question's attention is divided. */
export interface AttentionShares extends RetrievalShares {
  /** What the shares are of: the sum of all weights' absolute values. */
  readonly total: number;
  /** The noise when its weights are added up with their signs: the sum's size, as a share of the same. */
  readonly netNoise: number;
}

/**
 * Divides the attention of one question's key among answer, noise and questions.
 *
 * Weights of differential attention have both signs. By size, each counts by its absolute value, and
 * the shares have the sum 1: noise whose values have nothing in common. Net, the weights of the noise
 * are added up first: noise whose values are all alike. Without negative weights both are the same.
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
  checkLength(batch, weights);
  const sums = { answer: 0, noise: 0, questions: 0 };
  let net = 0;
  forEachPlace(batch, row, query, (place, part) => {
    sums[part] += Math.abs(weights[place]);
    if (part === "noise") net += weights[place];
  });
  const total = sums.answer + sums.noise + sums.questions;
  return { ...sharesOf(sums), total, netNoise: total === 0 ? 0 : Math.abs(net) / total };
}

/**
 * Divides what a head makes of a question, Σ weight · value: the lengths of the three parts' sums as
 * shares of the three lengths. What cancels within a part, by signs or by directions, does not count.
 *
 * @param weights as in {@linkcode attentionShares}
 * @param values the value of a position, of any width
 */
export function resultShares(
  batch: RetrievalBatch,
  weights: ArrayLike<number>,
  values: (place: number) => ArrayLike<number>,
  row: number,
  query: number,
): RetrievalShares {
  checkLength(batch, weights);
  const width = values(0).length;
  const sums = {
    answer: new Float64Array(width),
    noise: new Float64Array(width),
    questions: new Float64Array(width),
  };
  forEachPlace(batch, row, query, (place, part) => {
    const value = values(place), sum = sums[part];
    for (let i = 0; i < width; i++) sum[i] += weights[place] * value[i];
  });
  return sharesOf({
    answer: Math.hypot(...sums.answer),
    noise: Math.hypot(...sums.noise),
    questions: Math.hypot(...sums.questions),
  });
}

function checkLength({ task: { length } }: RetrievalBatch, weights: ArrayLike<number>): void {
  if (weights.length !== length) {
    throw new RangeError(`weights must be ${length}, one a position, but were ${weights.length}.`);
  }
}

function forEachPlace(
  { task: { length, queries }, needlePositions }: RetrievalBatch,
  row: number,
  query: number,
  visit: (place: number, part: keyof RetrievalShares) => void,
): void {
  const needle = needlePositions[row * queries + query];
  for (let place = 0; place < length; place++) {
    const part = place >= length - 2 * queries
      ? "questions"
      : place === needle || place === needle + 1
      ? "answer"
      : "noise";
    visit(place, part);
  }
}

function sharesOf({ answer, noise, questions }: RetrievalShares): RetrievalShares {
  const total = answer + noise + questions;
  // Equal maps with λ = 1 leave nothing to divide.
  if (total === 0) return { answer: 0, noise: 0, questions: 0 };
  return { answer: answer / total, noise: noise / total, questions: questions / total };
}
