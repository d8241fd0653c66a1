import { assert, assertEquals, assertRejects } from "@std/assert";
import type { TileShape } from "../../kernels/tile.ts";
import { type Orientation, productTileCandidates } from "../../lib/gpu/product_tiles.ts";
import {
  CUT_FORWARD,
  cutTile,
  cutTileCandidates,
  shapeClass,
  SOFTWARE_TILE,
} from "../../lib/gpu/tiles.ts";
import { tuneLinearCrossEntropy } from "../../lib/losses/tune.ts";
import { Gpu, linearCrossEntropy } from "../../lib/mod.ts";
import { product } from "../../lib/tensor/product.ts";
import { orientationOf } from "../../lib/tensor/product_plan.ts";
import { normals } from "./reference.ts";

const gpu = await Gpu.open();
const { software } = gpu.adapter;

/** A tile as GPUs use it, of a size that a software adapter compiles in a moment. */
const STAGED: TileShape = { m: 16, n: 32, k: 8, threadsX: 4, threadsY: 4, lanesX: 4 };

function matrix(size: number, seed: number): Float32Array {
  return Float32Array.from({ length: size }, normals(seed));
}

Deno.test("loss, log-sum-exp and gradients have the same bits whatever tile is chosen", async () => {
  // So many that a workgroup walks through two vocabulary tiles, at least with small tiles.
  const n = 523, v = 2070, d = 20;
  const tiles = software
    ? [cutTile(gpu, d), { ...SOFTWARE_TILE, m: 16 }, STAGED, { ...STAGED, k: 16 }]
    : cutTileCandidates(gpu, d);
  const targets = Int32Array.from({ length: n }, (_, i) => (7 * i) % v);
  const results: Float32Array[][] = [];
  for (const tile of tiles) {
    using _scope = gpu.scope();
    const e = gpu.tensor(matrix(n * d, 1), [n, d], { requiresGrad: true });
    const c = gpu.tensor(matrix(v * d, 2), [v, d], { requiresGrad: true });
    const { loss, lse } = gpu.tuning.using(
      CUT_FORWARD,
      tile,
      () => linearCrossEntropy(e, c, targets, { filterEps: 2 ** -12, returnLse: true }),
    );
    using _ = lse.keep();
    loss.backward();
    results.push(await gpu.read([loss, lse, e.grad!, c.grad!]));
  }
  assert(results.length >= 2 && results[0][1].every(Number.isFinite));
  for (const other of results.slice(1)) assertEquals(other, results[0]);
});

Deno.test("products have the same bits whatever tile is chosen", async () => {
  const orientations = [{ transposeB: true }, {}, { transposeA: true }];
  // Of 29 × 31 few numbers can be read four at a time; of 32 × 32 all.
  const shapes = [{ m: 29, n: 37, k: 31 }, { m: 32, n: 64, k: 32 }];
  for (const [i, orientation] of orientations.entries()) {
    const { m, n, k } = software ? shapes[i % 2] : { m: 2048, n: 2048, k: [288, 260][i % 2] };
    const subject: Orientation = orientationOf(orientation);
    const tiles = software
      ? [SOFTWARE_TILE, STAGED, { ...STAGED, k: 16 }]
      : productTileCandidates(gpu, k, subject);
    using a = gpu.tensor(matrix(m * k, 3), [m, k]), b = gpu.tensor(matrix(n * k, 4), [n, k]);
    const results: Float32Array[] = [];
    for (const tile of tiles) {
      using y = gpu.empty([m, n]);
      gpu.tuning.using(subject, tile, () => product(gpu, { a, b, y, m, n, k, ...orientation }));
      results.push(await y.read());
    }
    assert(results.length >= 2 && results[0].some((x) => x !== 0));
    for (const other of results.slice(1)) assertEquals(other, results[0]);
  }
});

Deno.test("all candidates keep the filter's columns and the order of sums", () => {
  const tiles = cutTileCandidates(gpu, 768);
  assertEquals(tiles[0], cutTile(gpu, 768));
  for (const { n, threadsX } of tiles) {
    assertEquals([n, threadsX], [tiles[0].n, tiles[0].threadsX]);
  }
});

Deno.test("shapes of a class share their choice", () => {
  assertEquals(shapeClass(8192, 50257, 768), shapeClass(5000, 256000, 992));
  assertEquals(shapeClass(1000, 50257, 768), "N 1024 V 16384 D 1024");
  assert(shapeClass(100, 50257, 768) !== shapeClass(8192, 50257, 768));
});

Deno.test("tuning for a loss uses what it found; a software adapter has nothing to choose", async () => {
  const results = await tuneLinearCrossEntropy(gpu, { n: 64, v: 512, d: 32 });
  if (software) {
    assertEquals(results, []);
    assertEquals(gpu.tuning.results, []);
    return;
  }
  // The products of its gradients are too small for large tiles, so that there is nothing to choose.
  assertEquals(results.map(({ subject }) => subject), [CUT_FORWARD]);
  assertEquals(gpu.tuning.results, results);
  const chosen = gpu.tuning.get<TileShape>(CUT_FORWARD, shapeClass(64, 512, 32))!;
  assert(results[0].choice.startsWith(`${chosen.m}×${chosen.n}×${chosen.k}`));
});

Deno.test("switched off, tuning for a loss measures nothing", async () => {
  using plain = await Gpu.open({ autotune: false });
  assertEquals(await tuneLinearCrossEntropy(plain, { n: 64, v: 512, d: 32 }), []);
  assertEquals(plain.tuning.results, []);
});

Deno.test("a shape without rows cannot be tuned for", async () => {
  await assertRejects(
    () => tuneLinearCrossEntropy(gpu, { n: 0, v: 512, d: 32 }),
    RangeError,
    "n is 0; expected a whole number of at least 1.",
  );
});
