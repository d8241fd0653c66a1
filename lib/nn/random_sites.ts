import type { DropoutStream } from "../ops/mod.ts";

/** Says that a model is being trained, and which random numbers this step of training uses. */
export interface TrainingStep {
  /** A whole number from 0 to 2⁵³ − 1. */
  seed: number;
  /** A number that no other pass through the model has, below 2⁴¹. */
  step: number;
}

/** Places of a model that draw random numbers in one pass; the first has the number 0. */
const SITES = 4096;

/**
 * The stream of random numbers of one place in a model. It depends on the place's number, not on
 * what ran before, so that a block computed twice drops the same elements twice.
 */
export function randomSite({ seed, step }: TrainingStep, site: number): DropoutStream {
  return { seed, offset: step * SITES + site };
}
