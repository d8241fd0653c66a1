/** How the learning rate goes over the steps of a training. */
export interface ScheduleOptions {
  /** Steps over which it rises from 0, linearly (default 0). */
  warmupSteps?: number;
  /** How it falls to `floor` after that (default "linear"); "constant" does not fall. */
  decay?: "linear" | "cosine" | "constant";
  /** Share of the learning rate that is left at the end (default 0). */
  floor?: number;
}

/**
 * The factor of the learning rate at each step, counted from 0; as transformers'
 * `get_linear_schedule_with_warmup` and `get_cosine_schedule_with_warmup`.
 *
 * @param steps of the whole training.
 * @throws {RangeError} naming an option that is out of its range.
 */
export function schedule(
  steps: number,
  { warmupSteps = 0, decay = "linear", floor = 0 }: ScheduleOptions = {},
): (step: number) => number {
  if (!(steps >= 1) || !(warmupSteps >= 0) || !(floor >= 0 && floor <= 1)) {
    throw new RangeError(
      `schedule(): steps is ${steps}, warmupSteps ${warmupSteps}, floor ${floor}; expected at ` +
        `least 1, at least 0, and 0 to 1.`,
    );
  }
  if (!["linear", "cosine", "constant"].includes(decay)) {
    throw new RangeError(
      `schedule(): decay is ${JSON.stringify(decay)}; expected "linear", "cosine" or "constant".`,
    );
  }
  return (step) => {
    if (step < warmupSteps) return step / warmupSteps;
    if (decay === "constant") return 1;
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
    const left = decay === "linear" ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress));
    return floor + (1 - floor) * left;
  };
}
