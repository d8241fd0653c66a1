/**
 * Dividing a data set into parts, for training, validation and test.
 */
import { Random } from "./random.ts";

/** Options of {@linkcode stratifiedSplit}. */
export interface StratifiedSplitOptions<T> {
  /** What an item's class is; each part gets its share of every class. */
  by: (item: T) => string | number;
  /** The same seed gives the same parts. */
  seed?: number;
}

/**
 * Divides items into parts, class by class, each part in random order.
 *
 * Of each class of n items, part i gets n · fractions[i], rounded so that parts add up and every
 * part gets at least one item as long as the class has enough of them.
 *
 * ```ts
 * import { stratifiedSplit } from "cutloss/data/mod.ts";
 *
 * const items = Array.from({ length: 100 }, (_, i) => ({ label: i % 10 === 0 ? "rare" : "common" }));
 * const { train, test } = stratifiedSplit(items, { train: 0.8, test: 0.2 }, { by: (x) => x.label });
 * console.log(train.length, test.filter((x) => x.label === "rare").length); // 80 2
 * ```
 *
 * @param fractions the parts' names and shares, whose sum is 1
 * @throws RangeError if the fractions are negative or their sum is not 1
 */
export function stratifiedSplit<T, Part extends string>(
  items: readonly T[],
  fractions: Readonly<Record<Part, number>>,
  { by, seed = 0 }: StratifiedSplitOptions<T>,
): Record<Part, T[]> {
  const names = Object.keys(fractions) as Part[];
  const sum = names.reduce((total, name) => total + fractions[name], 0);
  if (Math.abs(sum - 1) > 1e-9 || names.some((name) => !(fractions[name] >= 0))) {
    throw new RangeError(
      `fractions must be numbers ≥ 0 with sum 1, but were ${JSON.stringify(fractions)}.`,
    );
  }
  const random = new Random(seed).fork("stratified split");
  const classes = Map.groupBy(items, by);
  const parts = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<Part, T[]>;
  for (const [label, members] of classes) {
    const shuffled = random.fork(`class ${label}`).shuffle(members.slice());
    const sizes = divide(shuffled.length, names.map((name) => fractions[name]));
    let start = 0;
    for (const [i, name] of names.entries()) {
      // Not push(...): a class may have more members than a call may have arguments.
      for (const item of shuffled.slice(start, start + sizes[i])) parts[name].push(item);
      start += sizes[i];
    }
  }
  for (const name of names) random.fork(`part ${name}`).shuffle(parts[name]);
  return parts;
}

/** Whole numbers with sum `count` near `count` times the fractions, none 0 without need. */
function divide(count: number, fractions: readonly number[]): number[] {
  const sizes = fractions.map((fraction) => Math.floor(count * fraction));
  const order = fractions.map((_, i) => i)
    .sort((a, b) => (count * fractions[b] - sizes[b]) - (count * fractions[a] - sizes[a]));
  let left = count - sizes.reduce((a, b) => a + b, 0);
  for (let i = 0; left > 0; i++, left--) sizes[order[i % order.length]]++;
  for (const i of fractions.keys()) {
    const largest = sizes.indexOf(Math.max(...sizes));
    if (fractions[i] > 0 && sizes[i] === 0 && sizes[largest] > 1) {
      sizes[i]++;
      sizes[largest]--;
    }
  }
  return sizes;
}
