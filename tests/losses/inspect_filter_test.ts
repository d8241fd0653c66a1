import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { trainedLike } from "../../lib/data/language_model.ts";
import { FilterMap, inspectFilter } from "../../lib/losses/inspect_filter.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

Deno.test("the bounds of the filter lie at most a quarter nat above the truth, and never below", async () => {
  using gpu = await Gpu.open();
  const n = 70, v = 300, d = 16;
  const { e, c, targets } = trainedLike({ n, v, d, seed: 5, peak: 9 });
  const map = await inspectFilter(gpu.tensor(e, [n, d]), gpu.tensor(c, [v, d]), targets);
  assertEquals([map.rows, map.tiles], [n, Math.ceil(v / map.tileColumns)]);
  const logEps = Math.log(2 ** -12);
  let kept = 0;
  for (let i = 0; i < n; i++) {
    const z = Float64Array.from({ length: v }, (_, w) => {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += e[i * d + k] * c[w * d + k];
      return sum;
    });
    const lse = Math.log(z.reduce((sum, x) => sum + Math.exp(x), 0));
    for (let t = 0; t < map.tiles; t++) {
      let truth = -Infinity;
      for (let w = t * map.tileColumns; w < Math.min(v, (t + 1) * map.tileColumns); w++) {
        if (w !== targets[i]) truth = Math.max(truth, z[w] - lse);
      }
      const bound = map.logBounds[t * n + i];
      assert(bound > truth - 1e-4 && bound < truth + 0.26, `${bound} for ${truth}`);
      if (truth > logEps) assertEquals(map.survivors(2 ** -12)[t * n + i], 1);
      if (bound > logEps) kept++;
    }
  }
  assert(kept > 0 && kept < map.tiles * n, "the case must be neither all nor nothing");
  const { pairs } = map.kept(2 ** -12, { rows: 128, columns: map.tileColumns });
  assertEquals(pairs, kept / (map.tiles * n));
  assertEquals(gpu.memory.live, (n * d + v * d) * 4 + padding(n * d * 4) + padding(v * d * 4));
});

/** What a buffer takes beyond its content. */
function padding(bytes: number): number {
  return Math.ceil(bytes / 256) * 256 - bytes;
}

Deno.test("shares count a tile as kept as soon as one of its rows is", () => {
  const logBounds = new Float32Array(4 * 6).fill(-20);
  logBounds[0 * 6 + 1] = -1; // tile 0, row 1
  logBounds[1 * 6 + 1] = -1; // tile 1, row 1: the same wide tile and row
  logBounds[3 * 6 + 5] = -9; // tile 3, row 5
  const map = new FilterMap(6, 4, 32, logBounds);
  assertEquals(map.kept(2 ** -12, { rows: 3, columns: 32 }), { pairs: 2 / 24, tiles: 2 / 8 });
  assertEquals(map.kept(2 ** -12, { rows: 3, columns: 64 }), { pairs: 1 / 12, tiles: 1 / 4 });
  assertEquals(map.kept(2 ** -20, { rows: 3, columns: 64 }), { pairs: 2 / 12, tiles: 2 / 4 });
  assertThrows(() => map.kept(0.1, { rows: 3, columns: 48 }), RangeError, "tile.columns is 48");
});

Deno.test("a batch whose targets are all ignored has nothing to inspect", async () => {
  using gpu = await Gpu.open();
  using e = gpu.tensor([1, 2], [1, 2]);
  using c = gpu.tensor([1, 2], [1, 2]);
  await assertRejects(() => inspectFilter(e, c, Int32Array.of(-100)), RangeError, "ignored");
});
