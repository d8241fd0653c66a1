import { assert, assertEquals, assertThrows } from "@std/assert";
import { stratifiedSplit } from "../../lib/data/splits.ts";

const items = Array.from({ length: 1000 }, (_, id) => ({
  id,
  label: id < 900 ? "common" : id < 995 ? "rare" : "rarest",
}));
const by = (item: { label: string }) => item.label;

Deno.test("parts are disjoint, complete and have their share of every class", () => {
  const parts = stratifiedSplit(items, { train: 0.8, validation: 0.1, test: 0.1 }, { by, seed: 1 });
  const ids = [...parts.train, ...parts.validation, ...parts.test].map(({ id }) => id);
  assertEquals(ids.toSorted((a, b) => a - b), items.map(({ id }) => id));
  const sizes = (label: string) =>
    Object.values(parts).map((part) => part.filter((item) => item.label === label).length);
  assertEquals(sizes("common"), [720, 90, 90]);
  assertEquals(sizes("rare").map((n, i) => Math.abs(n - [76, 9.5, 9.5][i]) <= 0.5), [
    true,
    true,
    true,
  ]);
  assertEquals(sizes("rarest"), [3, 1, 1]);
});

Deno.test("parts are shuffled, the same way for the same seed", () => {
  const split = (seed: number) =>
    stratifiedSplit(items, { a: 0.5, b: 0.5 }, { by, seed }).a.map(({ id }) => id);
  assertEquals(split(1), split(1));
  assert(split(1).join() !== split(2).join());
  assert(split(1).join() !== split(1).toSorted((a, b) => a - b).join());
});

Deno.test("fractions that do not add up are refused", () => {
  assertThrows(() => stratifiedSplit(items, { a: 0.5, b: 0.4 }, { by }), RangeError, "sum 1");
  assertThrows(() => stratifiedSplit(items, { a: 1.5, b: -0.5 }, { by }), RangeError, "sum 1");
  assertThrows(() => stratifiedSplit(items, { a: NaN, b: 1 }, { by }), RangeError, "sum 1");
});

Deno.test("no items give empty parts", () => {
  assertEquals(stratifiedSplit([], { a: 0.5, b: 0.5 }, { by: () => 0 }), { a: [], b: [] });
});
