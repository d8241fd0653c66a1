/**
 * The loss in all three ways against f64, over a grid of options like that of the tests of Apple's
 * cut_cross_entropy: every combination on small shapes, every pair of values on larger ones. `checkLoss`
 * asserts that every element is within its tolerance.
 */
import { assertEquals } from "@std/assert";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { checkLoss, type LossCase } from "./check_loss.ts";
import { type HostProblem, randomProblem } from "./reference.ts";

const gpu = await Gpu.open();

const VALUES = {
  softcap: [undefined, 20],
  bias: [false, true],
  shift: [0, 1, 2],
  ignored: [false, true],
  reduction: ["none", "mean", "sum"],
  zLoss: [0, 0.001],
  weighted: [false, true],
} as const;
type Combination = { [Name in keyof typeof VALUES]: (typeof VALUES)[Name][number] };

/** All combinations. */
function product(): Combination[] {
  return Object.entries(VALUES).reduce<Record<string, unknown>[]>(
    (all, [name, values]) => all.flatMap((x) => values.map((value) => ({ ...x, [name]: value }))),
    [{}],
  ) as Combination[];
}

/** A few combinations in which every two values of two options meet: greedily the most new pairs. */
function pairwise(): Combination[] {
  const pairs = (x: Combination) => {
    const entries = Object.entries(x).map(([name, value]) => `${name}=${value}`);
    return entries.flatMap((a, i) => entries.slice(i + 1).map((b) => `${a}, ${b}`));
  };
  const left = new Set(product().flatMap(pairs)), chosen: Combination[] = [];
  while (left.size > 0) {
    const news = (x: Combination) => pairs(x).filter((pair) => left.has(pair)).length;
    const best = product().reduce((a, b) => news(b) > news(a) ? b : a);
    chosen.push(best);
    for (const pair of pairs(best)) left.delete(pair);
  }
  return chosen;
}

Deno.test("the grid has all combinations, and all pairs of values in few of them", () => {
  const values = Object.entries(VALUES), size = (i: number) => values[i][1].length;
  assertEquals(product().length, values.reduce((all, _, i) => all * size(i), 1));
  const met = new Set<string>();
  for (const x of pairwise()) {
    const entries = Object.entries(x).map(([name, value]) => `${name}=${value}`);
    for (const a of entries) for (const b of entries) if (a < b) met.add(`${a}, ${b}`);
  }
  const pairs = values.flatMap((_, i) =>
    values.slice(i + 1).map((_, j) => size(i) * size(i + 1 + j))
  );
  assertEquals(met.size, pairs.reduce((sum, count) => sum + count, 0));
});

const problems = new Map<string, HostProblem>();

function caseOf(t: number, v: number, d: number, x: Combination): [string, LossCase] {
  const { bias, ignored, weighted, ...rest } = x;
  const key = [t, v, d, bias, ignored].join();
  let problem = problems.get(key);
  if (!problem) problems.set(key, problem = randomProblem({ t, v, d, bias, ignored }));
  // A third of the classes weigh nothing.
  const weight = Float32Array.from({ length: v }, (_, i) => i % 3 === 1 ? 0 : (1 + i % 7) / 7);
  const options = weighted ? { ...rest, weight } : rest;
  return [`N=${t} V=${v} D=${d} ${JSON.stringify(x)}`, { problem, options, accuracy: weighted }];
}

for (const [t, v, d] of [[1, 2, 1], [37, 211, 29]]) {
  Deno.test(`the three ways agree with f64 in all combinations of options: N=${t} V=${v} D=${d}`, async () => {
    for (const x of product()) {
      if (x.shift < t) await checkLoss(gpu, ...caseOf(t, v, d, x));
    }
  });
}

for (const [t, v, d] of [[256, 512, 512], [252, 507, 497], [257, 1031, 67]]) {
  Deno.test(`the three ways agree with f64 in all pairs of options: N=${t} V=${v} D=${d}`, async () => {
    for (const x of pairwise()) await checkLoss(gpu, ...caseOf(t, v, d, x));
  });
}
