/** A number or text of a notebook's output, as far as it decides how it is compared. */
export interface Quantity {
  /** File name without extension. */
  notebook: string;
  /** The cell's id. */
  cell: string;
  /** What the number is called, without its unit. */
  name: string;
  /** The unit beside the name, such as "ms". */
  unit?: string;
  /** Whether all its numbers are whole: counts and sizes. */
  whole?: boolean;
}

/** How far a number may be from the recorded one: absolute + relative·|recorded|. */
export interface Tolerance {
  absolute: number;
  relative: number;
}

/** A rule for some quantities: a tolerance, or why they are not compared at all. */
interface Rule {
  notebook?: RegExp;
  cell?: RegExp;
  name?: RegExp;
  unit?: RegExp;
  whole?: boolean;
  compared: Tolerance | string;
}

/** Units of times, of rates, and of what is counted in a time. */
const TIME = /^(n|µ|u|m)?s$|^(seconds?|min|minutes?|h|hours?|days?)$/;
const RATE = /\/\s?(n|µ|u|m)?s$|^([KMGT]?FLOPS|Hz)$/;

/** The notebooks whose numbers come from models that were trained while they ran. */
const TRAINED = /^0[2-5]/;

/**
 * How quantities are compared: the first rule that fits decides.
 *
 * Times say nothing about whether a notebook still finds the same, and differ with every run, so they
 * are left out by their unit, or by a name that speaks of speed where the unit does not ("times").
 * All other numbers are the same bits on every run on one adapter; the tolerances are for other
 * adapters, whose exponential and logarithm differ in the last bits: by little where a number is
 * computed in one go, by more where training has amplified it.
 */
const RULES: readonly Rule[] = [
  { unit: TIME, compared: "a time" },
  { unit: RATE, compared: "a rate" },
  { name: /\b(time|times as fast|speed|speedup|faster|slower)\b/i, compared: "a time" },
  { name: /\b(per|a) second\b|\bthroughput\b|\/s$/i, compared: "a rate" },
  { notebook: /^06/, cell: /^growth$/, name: /Factor$/, compared: "a ratio of times" },
  { unit: /^([KMGT]i?)?B$|^bytes$/, compared: { absolute: 1e-6, relative: 1e-3 } },
  // Rounding is each adapter's own: of the same order, or less.
  { name: /\b(errors?|differences?|deviation)\b/i, compared: { absolute: 1e-6, relative: 2 } },
  { name: /\b(loss|perplexity|gradient norm)\b/i, compared: { absolute: 1e-6, relative: 0.02 } },
  {
    // A few answers of a small held-out set may change sides.
    name: /\b(accuracy|precision|recall|F1|BLEU|ROUGE|exact match|score|kappa)\b/i,
    compared: { absolute: 0.02, relative: 0.05 },
  },
  { notebook: TRAINED, unit: /^(%|points)$/, compared: { absolute: 2, relative: 0.05 } },
  { notebook: TRAINED, unit: /^share\b/, compared: { absolute: 0.02, relative: 0.05 } },
  { notebook: TRAINED, whole: false, compared: { absolute: 1e-6, relative: 0.05 } },
];

/** Of everything without a rule of its own. */
const DEFAULT: Tolerance = { absolute: 1e-6, relative: 1e-3 };

/** The tolerance of a quantity, or a few words why it is not compared. */
export function ruleOf(quantity: Quantity): Tolerance | string {
  const fits = (pattern: RegExp | undefined, text: string | undefined) =>
    pattern === undefined || (text !== undefined && pattern.test(text));
  const rule = RULES.find(({ notebook, cell, name, unit, whole }) =>
    fits(notebook, quantity.notebook) && fits(cell, quantity.cell) &&
    fits(name, quantity.name) && fits(unit, quantity.unit) &&
    (whole === undefined || whole === quantity.whole)
  );
  return rule?.compared ?? DEFAULT;
}

/** The tolerance of numbers inside texts, besides one unit of their last digit. */
export function textTolerance(notebook: string): Tolerance {
  return TRAINED.test(notebook) ? { absolute: 1e-6, relative: 0.05 } : DEFAULT;
}

/** Whether two numbers agree within a tolerance. */
export function agree(value: number, recorded: number, { absolute, relative }: Tolerance): boolean {
  return Math.abs(value - recorded) <= absolute + relative * Math.abs(recorded);
}

/** A tolerance as a formula, "1e-6 + 1e-3·|x|". */
export function toleranceText({ absolute, relative }: Tolerance): string {
  const [a, r] = [absolute, relative].map((value) =>
    value === 0 || value >= 0.01 ? String(value) : value.toExponential()
  );
  return `${a} + ${r}·|x|`;
}

/** Reads what {@link toleranceText} wrote. */
export function readTolerance(text: string): Tolerance {
  const match = /^(\S+) \+ (\S+)·\|x\|$/.exec(text);
  const [absolute, relative] = [Number(match?.[1]), Number(match?.[2])];
  if (absolute >= 0 && relative >= 0) return { absolute, relative };
  throw new Error(`The tolerance is "${text}"; expected something like "1e-6 + 1e-3·|x|".`);
}
