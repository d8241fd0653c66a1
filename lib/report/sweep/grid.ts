import type { ParameterValues } from "../parameters.ts";

/** Values of the parameters of a sweep, in the order in which they were given. */
export type SweepLists = Record<string, ParameterValues[string][]>;

/**
 * The points of a sweep: every combination of the values, the last parameter changing fastest.
 *
 * @throws Error if there is no parameter, or one without values or with one value twice
 */
export function gridOf(lists: SweepLists): ParameterValues[] {
  if (Object.keys(lists).length === 0) {
    throw new Error("A sweep needs a parameter with values, such as seed=0,1,2.");
  }
  let points: ParameterValues[] = [{}];
  for (const [name, values] of Object.entries(lists)) {
    if (values.length === 0) throw new Error(`The sweep has no values of ${name}.`);
    if (new Set(values).size < values.length) {
      throw new Error(`The sweep has a value of ${name} twice: ${values.join(", ")}.`);
    }
    points = points.flatMap((point) => values.map((value) => ({ ...point, [name]: value })));
  }
  return points;
}

/** What the executed notebook of a point knows of its sweep, under the key `sweep` of its metadata. */
export interface SweepPlace {
  /** The point's index in {@link gridOf}, from 0. */
  point: number;
  over: SweepLists;
  /** The command line that makes the whole sweep. */
  command: string;
}

/** A point's parameters as text: "seed = 3, scale = smoke". */
export function parametersText(values: ParameterValues): string {
  return Object.entries(values).map(([name, value]) => `${name} = ${value}`).join(", ");
}
