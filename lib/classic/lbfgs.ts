/**
 * Minimises a smooth function of many variables: limited-memory BFGS.
 *
 * Liu and Nocedal 1989, as in Nocedal and Wright, "Numerical Optimization", 2nd edition:
 * two-loop recursion (algorithm 7.4) and a line search for the strong Wolfe conditions
 * (algorithms 3.5 and 3.6).
 */

/** Returns the function's value at `x` and writes its gradient to `gradient`. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

/** Options of {@linkcode minimize}. */
export interface MinimizeOptions {
  /** Stops when no component of the gradient is larger than this. */
  gradientTolerance?: number;
  /** Stops after so many steps, a whole number ≥ 1. */
  maxIterations?: number;
  /** How many former steps are remembered. */
  memory?: number;
}

/** Where a minimisation ended. */
export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  readonly iterations: number;
  /**
   * Whether the gradient became small enough, or no step could lower the value any more. False
   * wherever the value or the gradient's norm is not finite: the search ends there.
   */
  readonly converged: boolean;
}

interface Point {
  readonly step: number;
  readonly x: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
  readonly slope: number;
}

const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.9;

/**
 * Finds a local minimum near `start`, which is left as it is.
 *
 * @throws RangeError if `maxIterations` is no whole number ≥ 1
 */
export function minimize(
  objective: Objective,
  start: Float64Array,
  { gradientTolerance = 1e-4, maxIterations = 1000, memory = 10 }: MinimizeOptions = {},
): Minimum {
  if (!Number.isSafeInteger(maxIterations) || maxIterations < 1) {
    throw new RangeError(`maxIterations must be a whole number ≥ 1, but was ${maxIterations}.`);
  }
  let x: Float64Array = start.slice();
  let gradient: Float64Array = new Float64Array(x.length);
  let value = objective(x, gradient);
  const steps: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    // A gradient may be finite and yet have no direction: its squares overflow.
    const finite = Number.isFinite(value) && Number.isFinite(norm(gradient));
    if (!finite || largest(gradient) <= gradientTolerance) {
      return { x, value, iterations: iteration, converged: finite };
    }
    const direction = descentDirection(gradient, steps);
    const first = steps.length === 0 ? Math.min(1, 1 / norm(gradient)) : 1;
    const next = lineSearch(objective, x, value, gradient, direction, first);
    if (!next) {
      // Rounding hides any further descent, unless the memory misled us.
      if (steps.length === 0) return { x, value, iterations: iteration, converged: true };
      steps.length = 0;
      continue;
    }
    const s = next.x.map((xi, i) => xi - x[i]);
    const y = next.gradient.map((gi, i) => gi - gradient[i]);
    const sy = dot(s, y);
    if (sy > 1e-12 * norm(s) * norm(y)) {
      steps.push({ s, y, rho: 1 / sy });
      if (steps.length > memory) steps.shift();
    }
    ({ x, value, gradient } = next);
  }
  const converged = Number.isFinite(value) && largest(gradient) <= gradientTolerance;
  return { x, value, iterations: maxIterations, converged };
}

/** −H·g for the inverse Hessian H that the remembered steps suggest. */
function descentDirection(
  gradient: Float64Array,
  steps: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): Float64Array {
  const q = gradient.map((g) => -g);
  const alphas: number[] = [];
  for (const { s, y, rho } of steps.toReversed()) {
    const alpha = rho * dot(s, q);
    alphas.push(alpha);
    addScaled(q, y, -alpha);
  }
  const last = steps.at(-1);
  if (last) scale(q, 1 / (last.rho * dot(last.y, last.y)));
  for (const { s, y, rho } of steps) addScaled(q, s, alphas.pop()! - rho * dot(y, q));
  return q;
}

/** A point along `direction` that satisfies the strong Wolfe conditions, or undefined. */
function lineSearch(
  objective: Objective,
  x: Float64Array,
  value: number,
  gradient: Float64Array,
  direction: Float64Array,
  firstStep: number,
): Point | undefined {
  const slope = dot(gradient, direction);
  if (!(slope < 0)) return undefined;
  const start: Point = { step: 0, x, value, gradient, slope };
  const evaluate = (step: number): Point => {
    const at = x.map((xi, i) => xi + step * direction[i]);
    const g = new Float64Array(x.length);
    return { step, x: at, value: objective(at, g), gradient: g, slope: dot(g, direction) };
  };
  const tooHigh = (point: Point) =>
    !(point.value <= value + SUFFICIENT_DECREASE * point.step * slope);
  const flat = (point: Point) => Math.abs(point.slope) <= -CURVATURE * slope;

  let previous = start;
  let step = firstStep;
  for (let i = 0; i < 20; i++) {
    const point = evaluate(step);
    if (tooHigh(point) || (i > 0 && point.value >= previous.value)) {
      return zoom(evaluate, previous, point, tooHigh, flat);
    }
    if (flat(point)) return point;
    if (point.slope >= 0) return zoom(evaluate, point, previous, tooHigh, flat);
    previous = point;
    step *= 2;
  }
  return previous.step > 0 ? previous : undefined;
}

/** Narrows the bracket between the better end `low` and the other end `high`. */
function zoom(
  evaluate: (step: number) => Point,
  low: Point,
  high: Point,
  tooHigh: (point: Point) => boolean,
  flat: (point: Point) => boolean,
): Point | undefined {
  for (let i = 0; i < 40; i++) {
    const width = high.step - low.step;
    // The parabola through low's value and slope and high's value; its lowest point, if inside.
    const bend = high.value - low.value - low.slope * width;
    let step = low.step - low.slope * width ** 2 / (2 * bend);
    const inside = (step - low.step) / width;
    if (!(inside > 0.1 && inside < 0.9)) step = low.step + width / 2;
    if (step === low.step || step === high.step) break;
    const point = evaluate(step);
    if (tooHigh(point) || point.value >= low.value) high = point;
    else {
      if (flat(point)) return point;
      if (point.slope * width >= 0) high = low;
      low = point;
    }
  }
  return low.step > 0 ? low : undefined;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}

function largest(a: Float64Array): number {
  let max = 0;
  for (let i = 0; i < a.length; i++) max = Math.max(max, Math.abs(a[i]));
  return max;
}

function addScaled(target: Float64Array, source: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * source[i];
}

function scale(target: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] *= factor;
}
