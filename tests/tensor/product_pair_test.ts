/** Two products in one dispatch. */
import { assertEquals } from "@std/assert";
import type { TileShape } from "../../kernels/tile.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { independentProducts, type Product } from "../../lib/tensor/product.ts";
import { IN_PAIRS, isFasterInPair, startPair } from "../../lib/tensor/product_pair.ts";
import { orientationOf, planOf } from "../../lib/tensor/product_plan.ts";
import { assertProduct, type Case, kernelsOf, orientations, prepare } from "./product_cases.ts";

const gpu = await Gpu.open();

/** As much of a device as tiles are chosen by. */
function device(software: boolean): Gpu {
  return {
    adapter: { software },
    limits: { maxComputeWorkgroupStorageSize: 48 * 1024 },
    tuning: { get: () => undefined },
  } as unknown as Gpu;
}

/** Operands of products that are only planned. */
const nothing = { a: gpu.zeros([4]), b: gpu.zeros([4]), y: gpu.zeros([4]) };

/** A tile that is soon compiled, with workgroup memory as those of GPUs. */
const TILE: TileShape = { m: 16, n: 16, k: 4, threadsX: 4, threadsY: 4, lanesX: 4 };

/** Names of the kernels that make products with this tile, in a pair where they can be one. */
function run(
  products: readonly Product[],
  inPairs = true,
  tile = TILE,
): string[] {
  let record = () => {
    const pair = startPair(gpu, products);
    if (pair) { for (const { finish } of pair) finish(); }
    else independentProducts(gpu, products);
  };
  for (const orientation of orientations) {
    const inner = record;
    record = () => gpu.tuning.using(orientationOf(orientation), tile, inner);
  }
  return kernelsOf(gpu, () => gpu.tuning.using(IN_PAIRS, inPairs, record));
}

/** The same for cases; also what they become. */
async function runCases(cases: readonly Case[], inPairs: boolean) {
  using _ = gpu.scope();
  const products = cases.map((x) => {
    const { a, b, y, strideA, strideB, strideY } = prepare(x);
    const { bias: _, residual: __, ...sizes } = x;
    const strides = { strideA, strideB, strideY };
    return { ...sizes, ...strides, a: gpu.tensor(a), b: gpu.tensor(b), y: gpu.tensor(y) };
  });
  const live = gpu.memory.live, names = run(products, inPairs);
  assertEquals(gpu.memory.live, live, "memory of parts is freed");
  return { names, results: await Promise.all(products.map(({ y }) => y.read())) };
}

Deno.test("two products in one dispatch have the same bits as in two, whichever is the longer one", async () => {
  const pairs: [Case, Case][] = [
    [{ m: 35, n: 20, k: 17 }, { m: 17, n: 33, k: 30, accumulate: true }],
    [{ m: 52, n: 32, k: 12, accumulate: true, gapA: 4, gapY: 8 }, {
      m: 16,
      n: 20,
      k: 8,
      alpha: 0.5,
    }],
  ];
  for (const [one, other] of pairs) {
    for (const [i, orientation] of orientations.entries()) {
      const cases = [{ ...one, ...orientation }, { ...other, ...orientations[(i + 1) % 4] }];
      const apart = await runCases(cases, false), pair = await runCases(cases, true);
      assertEquals(apart.names, ["matmul", "matmul"]);
      assertEquals(pair.names, ["matmul_pair"]);
      assertEquals(pair.results, apart.results, JSON.stringify(cases));
      for (const [c, x] of cases.entries()) {
        assertProduct(pair.results[c], prepare(x).truth, x.k, JSON.stringify(x));
      }
    }
  }
});

Deno.test("a pair of products, one of them with its K in parts", async () => {
  const cases = [{ m: 20, n: 16, k: 24 }, { m: 4, n: 8, k: 540_000, accumulate: true }];
  const pair = await runCases(cases, true);
  // Others than the software adapter need no parts here.
  if (gpu.adapter.software) assertEquals(pair.names, ["matmul_pair", "sum_parts"]);
  assertEquals(pair.results, (await runCases(cases, false)).results);
});

Deno.test("more workgroups than a grid has in one dimension", async () => {
  using _ = gpu.scope();
  // Tiles of 4 × 4: 33,000 and one.
  const tile: TileShape = { m: 4, n: 4, k: 4, threadsX: 1, threadsY: 1, lanesX: 1 };
  const m = 4 * 33_000, a = gpu.tensor(Float32Array.from({ length: m }, (_, i) => i % 1000));
  const [b, y, z] = [gpu.tensor([3]), gpu.zeros([m, 1]), gpu.zeros([1, 1])];
  const names = run([{ a, b, y, m, n: 1, k: 1 }, { a, b: a, y: z, m: 1, n: 1, k: 4 }], true, tile);
  assertEquals(names, ["matmul_pair"]);
  assertEquals(await y.read(), Float32Array.from({ length: m }, (_, i) => 3 * (i % 1000)));
  assertEquals([...await z.read()], [14]);
});

Deno.test("products that one dispatch cannot make are made by two", () => {
  using _ = gpu.scope();
  const [a, b, c, d] = Array.from({ length: 4 }, () => gpu.zeros([32, 32]));
  const two = gpu.zeros([64, 32]).slice, bytes = two.bytes / 2;
  const sizes = { m: 32, n: 32, k: 32 }, first = { a, b, y: c, ...sizes };
  const second = { a, b: c, y: d, ...sizes }, apart = ["matmul", "matmul"];
  const other = { ...second, b };
  assertEquals(run([first, other]), ["matmul_pair"]);
  assertEquals(run([first, { ...other, bias: b }]), apart);
  assertEquals(run([first, { ...other, activation: "relu" }]), apart);
  assertEquals(run([first, { ...other, m: 16, batch: 2, batchA: 512, batchY: 512 }]), apart);
  assertEquals(run([first, other, { ...other, y: gpu.zeros([32, 32]) }]), [...apart, "matmul"]);
  // WebGPU refuses a buffer that is read and written in one dispatch, wherever.
  const halves = [0, 1].map((i) => ({ ...two, offset: two.offset + i * bytes, bytes }));
  assertEquals(run([{ ...first, y: halves[0] }, { ...other, b: halves[1] }]), apart);
  assertEquals(run([{ ...first, b: halves[1] }, { ...other, y: halves[0] }]), apart);
});

Deno.test("a GPU makes a pair of products if one of them has short workgroups", () => {
  // Gradients of a block: rows, entries of the vocabulary, width.
  const isPair = (rows: number, v: number, d: number, software = false) => {
    const sizes = [{ m: rows, n: d, k: v }, { m: v, n: d, k: rows, transposeA: true }];
    const gpu = device(software);
    return isFasterInPair(gpu, sizes.map((size) => planOf(gpu, { ...size, ...nothing })));
  };
  assertEquals(isPair(384, 50257, 768), true); // GPT-2
  assertEquals(isPair(640, 32064, 3072), true); // Phi 3.5 mini
  assertEquals(isPair(384, 50257, 768, true), false);
  assertEquals(isPair(1536, 12564, 768), false);
  assertEquals(isPair(8192, 50257, 768), false); // all rows at once
});
