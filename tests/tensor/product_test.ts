/** The matrix product's kernel in all its variants against f64. */
import { assert, assertEquals } from "@std/assert";
import { elementGrid } from "../../kernels/grid.ts";
import { type Activation, matmul, type MatmulConstants } from "../../kernels/matmul.ts";
import { sumParts } from "../../kernels/sum_parts.ts";
import { type TileShape, tileStagingBytes } from "../../kernels/tile.ts";
import {
  BROAD_TILE,
  chooseTile,
  MEDIUM_TILE,
  type Orientation,
  TALL_TILE,
  WIDE_TILE,
} from "../../lib/gpu/product_tiles.ts";
import { DEEP_TILE, LARGE_TILE, SOFTWARE_TILE } from "../../lib/gpu/tiles.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { independentProducts, product } from "../../lib/tensor/product.ts";
import { productKernel, TRANSPOSED_FIRST } from "../../lib/tensor/product_plan.ts";
import { normals } from "../losses/reference.ts";
import {
  assertProduct,
  type Case,
  functions,
  kernelsOf,
  orientations,
  prepare,
} from "./product_cases.ts";

const gpu = await Gpu.open();

/** Runs a case through product(), which picks the kernel. */
async function check(x: Case): Promise<void> {
  using _ = gpu.scope();
  const { truth, a, b, y, bias, residual, ...strides } = prepare(x);
  const Y = gpu.tensor(y);
  product(gpu, {
    ...x,
    ...strides,
    a: gpu.tensor(a),
    b: gpu.tensor(b),
    y: Y,
    bias: x.bias ? gpu.tensor(bias) : undefined,
    residual: x.residual ? gpu.tensor(residual) : undefined,
    cap: 3,
  });
  assertProduct(await Y.read(), truth, x.k, JSON.stringify(x));
}

Deno.test("products in all orientations, of sizes that are and are not multiples of four", async () => {
  for (const orientation of orientations) {
    for (
      const [m, n, k] of [[1, 1, 1], [4, 4, 4], [5, 3, 2], [32, 32, 8], [33, 31, 9], [64, 36, 40]]
    ) await check({ m, n, k, ...orientation });
  }
});

Deno.test("memory rows longer than the matrices, whose gaps in Y stay as they were", async () => {
  for (const orientation of orientations) {
    for (const gaps of [{ gapA: 4, gapB: 8, gapY: 4 }, { gapA: 3, gapB: 1, gapY: 2 }]) {
      await check({ m: 20, n: 12, k: 8, ...orientation, ...gaps });
    }
  }
});

Deno.test({
  name: "products of halves in all orientations are exact where f16 holds every sum of a chain",
  ignore: !gpu.features.has("shader-f16"),
  async fn() {
    // 33 and 100 end within a step and within a pair of steps.
    for (const [m, n, k] of [[20, 24, 32], [33, 18, 33], [12, 20, 100]]) {
      const quarters = (length: number, seed: number) =>
        Float32Array.from({ length }, (_, i) => ((i * seed + 5) % 17 - 8) / 4);
      const a = quarters(m * k, 7), b = quarters(k * n, 11);
      const halves = (x: Float32Array) => gpu.tensor(new Float16Array(x));
      for (const { transposeA, transposeB } of orientations) {
        using _ = gpu.scope();
        const y = gpu.empty([m, n]);
        product(gpu, {
          a: halves(a),
          b: halves(b),
          y,
          m,
          n,
          k,
          transposeA,
          transposeB,
          half: "both",
        });
        const truth = Float32Array.from({ length: m * n }, (_, at) => {
          const i = Math.floor(at / n), j = at % n;
          let sum = 0;
          for (let l = 0; l < k; l++) {
            sum += a[transposeA ? l * m + i : i * k + l] * b[transposeB ? j * k + l : l * n + j];
          }
          return sum;
        });
        assertEquals(await y.read(), truth, JSON.stringify({ m, n, k, transposeA, transposeB }));
      }
    }
  },
});

Deno.test("batches of products, with a B each or one for all", async () => {
  for (const sharedB of [false, true]) {
    for (const [m, n, k] of [[8, 12, 4], [5, 7, 3]]) {
      await check({ m, n, k, batch: 3, sharedB, transposeB: true });
    }
  }
});

Deno.test("what is done on the way out: alpha, bias, activation, residual, accumulation", async () => {
  for (const activation of Object.keys(functions) as Activation[]) {
    await check({ m: 12, n: 8, k: 16, activation, bias: true });
  }
  for (const [m, n, k] of [[12, 8, 16], [9, 7, 5]]) {
    await check({ m, n, k, accumulate: true });
    await check({ m, n, k, residual: true, accumulate: true, bias: true, alpha: 0.25 });
  }
  await check({ m: 9, n: 7, k: 5, residual: true, bias: true, activation: "tanh" });
});

/** Runs the kernel itself, with a tile and a number of splits of our choice. */
async function checkKernel(tile: TileShape, splits: number, x: Case): Promise<void> {
  using _ = gpu.scope();
  const { truth, a, b, y, bias, residual, ...strides } = prepare(x);
  const fours = (...values: number[]) => values.every((value) => value % 4 === 0);
  const { transposeA = false, transposeB = false, m, n, k } = x;
  const constants: MatmulConstants = {
    tile,
    transposeA,
    transposeB,
    vectorA: fours(strides.strideA, transposeA ? 0 : k),
    vectorB: fours(strides.strideB, transposeB ? k : 0),
    vectorY: fours(n),
    wholeSteps: k % tile.k === 0,
    parts: splits > 1,
    accumulate: x.accumulate,
    bias: x.bias,
    residual: x.residual,
    activation: x.activation,
  };
  const partK = Math.ceil(k / splits / 32) * 32;
  const params = { m, n, k, partK, alpha: 1, cap: 1, ...strides };
  const Y = gpu.tensor(y), rest = splits - 1;
  const parts = rest ? { parts: gpu.empty([rest, m, n]) } : undefined;
  gpu.run(
    matmul(constants),
    {
      a: gpu.tensor(a),
      b: gpu.tensor(b),
      y: Y,
      ...parts,
      ...(x.bias ? { bias: gpu.tensor(bias!) } : {}),
      ...(x.residual ? { residual: gpu.tensor(residual!) } : {}),
    },
    rest ? { ...params, batchY: m * n } : params,
    [Math.ceil(m / tile.m), Math.ceil(n / tile.n), splits],
  );
  if (parts) {
    const count = m * n;
    gpu.run(
      sumParts({ parts: rest, vector: false }),
      { ...parts, y: Y },
      { count },
      elementGrid(count, 256),
    );
  }
  assertProduct(await Y.read(), truth, k, `${JSON.stringify([tile, splits, x])}`);
}

Deno.test({
  name: "large products on the software adapter have the bits of small ones",
  ignore: !gpu.adapter.software,
  async fn() {
    const [m, n, k] = [131, 61, 1203], normal = normals(1);
    for (const [transposeA, transposeB] of [[false, false], [false, true], [true, false]]) {
      const random = (length: number) => Float32Array.from({ length }, normal);
      using a = gpu.tensor(random(m * k)), b = gpu.tensor(random(k * n));
      using whole = gpu.empty([m, n]), begun = gpu.empty([16, n]);
      const x = { a, b, n, k, transposeA, transposeB, strideA: transposeA ? m : k };
      product(gpu, { ...x, y: whole, m });
      product(gpu, { ...x, y: begun, m: 16 });
      const [all, first] = await gpu.read([whole, begun]);
      assertEquals(all.slice(0, 16 * n), first, `${transposeA} ${transposeB}`);
      const kernels = [m, 16].map((m) => productKernel(gpu, { ...x, y: whole, m }));
      assert(kernels[0].tile.m !== kernels[1].tile.m, "both have the same tile");
    }
  },
});

Deno.test("K cut into parts, also more parts than it has steps", async () => {
  for (const [splits, k] of [[2, 64], [3, 100], [5, 17], [32, 30]]) {
    for (const accumulate of [false, true]) {
      await checkKernel(SOFTWARE_TILE, splits, { m: 12, n: 8, k, accumulate, transposeB: true });
    }
  }
});

/** A small tile that goes through workgroup memory, as those of GPUs do. */
const STAGED_TILE: TileShape = { m: 32, n: 32, k: 8, threadsX: 4, threadsY: 4, lanesX: 4 };

/** The same with long steps, as the largest tile of GPUs. */
const DEEP_STAGED_TILE: TileShape = { ...STAGED_TILE, k: 32 };

Deno.test("products that do not depend on each other, one of them with its K in parts", async () => {
  using _ = gpu.scope();
  // The software adapter's loops are too short for the first one's K.
  const cases = [{ m: 4, n: 4, k: 270_000, accumulate: true }, { m: 12, n: 8, k: 16 }];
  const prepared = cases.map((x) => ({ ...prepare(x), sizes: x }));
  const products = prepared.map(({ sizes, a, b, y }) => ({
    ...sizes,
    a: gpu.tensor(a),
    b: gpu.tensor(b),
    y: gpu.tensor(y),
  }));
  const names = kernelsOf(gpu, () => independentProducts(gpu, products));
  // The sum of parts waits for its product, so the second one must not come after it.
  if (gpu.adapter.software) assertEquals(names, ["matmul", "matmul", "sum_parts"]);
  for (const [i, { sizes, truth }] of prepared.entries()) {
    assertProduct(await products[i].y.read(), truth, sizes.k, JSON.stringify(sizes));
  }
});

Deno.test("the tiles of GPUs give the same as the software adapter's", async () => {
  const cases: [TileShape, Case][] = [
    [STAGED_TILE, { m: 33, n: 30, k: 17 }],
    [STAGED_TILE, { m: 36, n: 34, k: 16, transposeB: true }],
    [DEEP_STAGED_TILE, { m: 33, n: 34, k: 70, transposeB: true }],
    [DEEP_STAGED_TILE, { m: 36, n: 36, k: 64, transposeA: true }],
    [MEDIUM_TILE, { m: 70, n: 68, k: 36 }],
    [MEDIUM_TILE, { m: 68, n: 65, k: 32, transposeA: true, transposeB: true }],
    [LARGE_TILE, { m: 140, n: 132, k: 48, transposeB: true }],
    [DEEP_TILE, { m: 132, n: 136, k: 64, transposeA: true }],
    [TALL_TILE, { m: 100, n: 132, k: 48 }],
    [TALL_TILE, { m: 97, n: 129, k: 33, transposeA: true, accumulate: true }],
    // Tiles that lie within the matrix beside such that do not, and what is added to them.
    [TALL_TILE, { m: 100, n: 132, k: 48, transposeA: true, accumulate: true }],
    [LARGE_TILE, { m: 132, n: 260, k: 32, bias: true, activation: "gelu", residual: true }],
    [BROAD_TILE, { m: 132, n: 100, k: 32, transposeA: true, transposeB: true }],
    [WIDE_TILE, { m: 130, n: 200, k: 64, transposeB: true }],
  ];
  const most = gpu.limits.maxComputeWorkgroupStorageSize;
  for (const [tile, x] of cases) {
    if (tileStagingBytes(tile) <= most) await checkKernel(tile, 1, x);
  }
  await checkKernel(TALL_TILE, 3, { m: 100, n: 132, k: 96, accumulate: true });
});

Deno.test("A·Bᵀ has the same bits if A is transposed first, and leaves no memory behind", async () => {
  // More than a square of the transposition; 37 rows of A become rows of 40.
  for (const [m, n, k, gap] of [[37, 70, 33, 0], [64, 33, 48, 3]]) {
    using _ = gpu.scope();
    const { a, b, strideA } = prepare({ m, n, k, transposeB: true, gapA: gap });
    const A = gpu.tensor(a), B = gpu.tensor(b), results: Float32Array[] = [];
    const live = gpu.memory.live;
    for (const first of [false, true]) {
      using y = gpu.empty([m, n]);
      gpu.tuning.using(TRANSPOSED_FIRST, first, () => {
        product(gpu, { a: A, b: B, y, m, n, k, strideA, transposeB: true });
      });
      results.push(await y.read());
    }
    assertEquals(results[1], results[0]);
    assertEquals(gpu.memory.live, live);
  }
});

Deno.test("a GPU's products use its places, by parts of K where there are few tiles", () => {
  const device = {
    adapter: { software: false },
    limits: { maxComputeWorkgroupStorageSize: 48 * 1024 },
    tuning: { get: () => undefined },
  } as unknown as Gpu;
  const choose = (m: number, n: number, k: number, orientation: Orientation, divisible = true) => {
    const { tile, splits } = chooseTile(device, { m, n, k, divisible }, orientation);
    return [tile, splits];
  };
  assertEquals(choose(8192, 3072, 768, "A·B"), [TALL_TILE, 1]);
  assertEquals(choose(8192, 3072, 768, "A·Bᵀ"), [WIDE_TILE, 1]);
  assertEquals(choose(8192, 3072, 760, "A·Bᵀ"), [BROAD_TILE, 1], "no whole steps of 32");
  // 8 × 24 tiles would leave a quarter of 264 places empty, four times as many fill them nearly thrice.
  assertEquals(choose(768, 3072, 8192, "Aᵀ·B"), [TALL_TILE, 4]);
  assertEquals(choose(768, 3072, 8192, "Aᵀ·B", false), [TALL_TILE, 1]);
  assertEquals(choose(384, 768, 50272, "A·B"), [TALL_TILE, 11]);
  assertEquals(choose(128, 2304, 256000, "A·B"), [LARGE_TILE, 7], "96 rows would be 192");
  assertEquals(choose(256000, 2304, 128, "Aᵀ·B"), [TALL_TILE, 1]);
  assertEquals(choose(64, 768, 768, "A·B"), [MEDIUM_TILE, 3]);
  assertEquals(choose(128, 128256, 4096, "Aᵀ·Bᵀ"), [LARGE_TILE, 1], "another part takes 63 MiB");
});
