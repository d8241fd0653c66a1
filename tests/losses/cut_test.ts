/** The cut way where it differs from the others: tiles, spans, shards, the filter, memory, bits. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { trainedLike } from "../../lib/data/language_model.ts";
import { cutTile, gradientTile } from "../../lib/gpu/tiles.ts";
import { inspectFilter } from "../../lib/losses/inspect_filter.ts";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "../../lib/losses/options.ts";
import { ShapeError } from "../../lib/tensor/shape.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { assertWithin, checkLoss, TOLERANCES } from "./check_loss.ts";
import { expected, type HostProblem, normals, randomProblem } from "./reference.ts";

const gpu = await Gpu.open();
const tile = cutTile(gpu, 32);

/** Loss, dE and dC on the host. */
async function run(
  { e, c, bias, targets, t, v, d }: HostProblem,
  options: LinearCrossEntropyOptions,
  on = gpu,
): Promise<{ loss: Float32Array; dE: Float32Array; dC: Float32Array; dBias?: Float32Array }> {
  using E = on.tensor(e, [t, d], { requiresGrad: true });
  using C = on.tensor(c, [v, d], { requiresGrad: true });
  using b = bias && on.tensor(bias, [v], { requiresGrad: true });
  using loss = linearCrossEntropy(E, C, targets, { ...options, bias: b }).keep();
  const normal = normals(3);
  using upstream = on.tensor(Float32Array.from({ length: loss.size }, normal), loss.shape);
  loss.backward(upstream);
  const [l, dE, dC, dBias] = await on.read([loss, E.grad!, C.grad!, ...(b ? [b.grad!] : [])]);
  return { loss: l, dE, dC, dBias };
}

function assertSame(a: Float32Array, b: Float32Array, what: string): void {
  const bits = (x: Float32Array) => new Uint32Array(x.buffer, x.byteOffset, x.length);
  assertEquals(bits(a), bits(b), what);
}

Deno.test("cut equals naive on both sides of every boundary of rows", async () => {
  const rows = new Set<number>();
  for (const edge of [tile.m, 3 * tile.m, gradientTile(gpu, tile).m]) {
    for (const n of [edge - 1, edge, edge + 1]) rows.add(n);
  }
  for (const t of rows) {
    const problem = randomProblem({ t, v: tile.n + 3, d: 5, seed: t });
    for (const filterEps of [null, "auto"] as const) {
      const options = { filterEps, reduction: "none" } as const;
      await checkLoss(gpu, `N=${t} ${filterEps}`, { problem, options, impls: ["cut"] });
    }
  }
});

Deno.test("cut equals naive on both sides of every boundary of the vocabulary", async () => {
  for (const edge of [1, tile.n, 2 * tile.n, 128, 5 * tile.n]) {
    for (const v of [edge - 1, edge, edge + 1].filter((v) => v > 0)) {
      const problem = randomProblem({ t: 9, v, d: 7, seed: v });
      for (const filterEps of [null, "auto"] as const) {
        const options = { filterEps, softcap: 20 };
        await checkLoss(gpu, `V=${v} ${filterEps}`, { problem, options, impls: ["cut"] });
      }
    }
  }
});

Deno.test("cut is right on both sides of every boundary of D", async () => {
  for (const d of [1, 2, 3, 4, 5, tile.n - 1, tile.n, tile.n + 1, 2 * tile.n + 4, 63, 64, 65]) {
    const problem = randomProblem({ t: 20, v: 50, d, seed: d });
    for (const filterEps of [null, "auto"] as const) {
      const options = { filterEps, reduction: "sum" } as const;
      await checkLoss(gpu, `D=${d} ${filterEps}`, { problem, options, impls: ["cut"] });
    }
  }
});

Deno.test("cut equals naive where a workgroup walks through several vocabulary tiles", async () => {
  // More than 4096 and 6144 workgroups of one tile: spans of two and of three, the last one short.
  for (const [rowTiles, columnTiles] of [[64, 65], [80, 82]]) {
    const t = rowTiles * tile.m - 1, v = columnTiles * tile.n - 5;
    const problem = randomProblem({ t, v, d: 2, ignored: true });
    const naive = await run(problem, { impl: "naive" });
    for (const filterEps of [null, "auto"] as const) {
      const cut = await run(problem, { impl: "cut", filterEps });
      for (const quantity of ["loss", "dE", "dC"] as const) {
        const what = `N=${t} V=${v} ${filterEps}: ${quantity}`;
        assertWithin(cut[quantity], naive[quantity], TOLERANCES[quantity], what);
      }
    }
  }
});

Deno.test("C larger than a binding is bound in shards, with the same result", async () => {
  const problem = randomProblem({ t: 70, v: 700, d: 80, bias: true, ignored: true });
  const cases = [
    { impls: ["naive", "chunked", "cut"], rows: 512, filterEps: null },
    { impls: ["cut"], rows: 512, filterEps: "auto" },
    { impls: ["cut"], rows: 128, filterEps: null },
    { impls: ["cut"], rows: 128, filterEps: "auto" },
  ] as const;
  for (const { impls, rows, filterEps } of cases) {
    using sharded = await Gpu.open({ maxBinding: rows * 80 * 4 + 16 * 1024 });
    for (const reduction of ["mean", "none"] as const) {
      const options = { filterEps, reduction, softcap: 20 };
      const name = `shards of ${rows} rows, ${JSON.stringify(options)}`;
      await checkLoss(sharded, name, { problem, options, impls });
    }
  }
});

Deno.test("rows too wide to be stored within a binding are refused with the way out", async () => {
  using small = await Gpu.open({ maxBinding: 40 * 1024 });
  const problem = randomProblem({ t: 70, v: 700, d: 8 });
  for (const impl of ["naive", "chunked"] as const) {
    using e = small.tensor(problem.e, [70, 8]);
    using c = small.tensor(problem.c, [700, 8]);
    assertThrows(
      () => linearCrossEntropy(e, c, problem.targets, { impl }),
      ShapeError,
      `V = 700 is too large for impl "${impl}": 64 rows of logits, 176 KiB, exceed what a kernel ` +
        `of this device can bind, 40.0 KiB; use impl "cut".`,
    );
  }
  const options = { reduction: "none" } as const;
  await checkLoss(small, "cut with small bindings", { problem, options, impls: ["cut"] });
});

Deno.test("what a filter drops is less than eps in every entry, and it does drop", async () => {
  const n = 90, v = 10 * tile.n + 3, d = 24;
  const { e, c, targets } = trainedLike({ n, v, d, seed: 3, peak: 10 });
  const problem: HostProblem = { e, c, targets, b: 1, t: n, d, v };
  const upstream = Float32Array.from({ length: n }, normals(3));
  for (const [filterEps, softcap] of [[2 ** -9, undefined], [2 ** -7, 20]] as const) {
    const options = { reduction: "none", softcap, filterEps } as const;
    const exact = expected(problem, options, upstream);
    const found = await run(problem, options);
    assertWithin(found.loss, exact.loss, TOLERANCES.loss, "the loss is not filtered");
    // What may be missing: entries of a row in tiles where none (but the target) exceeds eps.
    const missingE = new Float64Array(n * d), missingC = new Float64Array(v * d);
    let pairs = 0;
    const p = new Float64Array(v);
    for (let i = 0; i < n; i++) {
      const slope = new Float64Array(v);
      for (let w = 0; w < v; w++) {
        let x = 0;
        for (let k = 0; k < d; k++) x += e[i * d + k] * c[w * d + k];
        const z = softcap ? softcap * Math.tanh(x / softcap) : x;
        slope[w] = softcap ? 1 - (z / softcap) ** 2 : 1;
        p[w] = w === targets[i] ? 0 : Math.exp(z - exact.lse[i]);
      }
      for (let first = 0; first < v; first += tile.n) {
        const end = Math.min(v, first + tile.n);
        if (p.subarray(first, end).some((x) => x > filterEps * 1.0001)) continue;
        pairs++;
        for (let w = first; w < end; w++) {
          const dropped = Math.abs(upstream[i]) * p[w] * slope[w];
          for (let k = 0; k < d; k++) {
            missingE[i * d + k] += dropped * Math.abs(c[w * d + k]);
            missingC[w * d + k] += dropped * Math.abs(e[i * d + k]);
          }
        }
      }
    }
    assert(pairs > 100, `only ${pairs} pairs may be dropped: the case shows nothing`);
    let largest = 0;
    for (
      const [what, filtered, truth, missing] of [
        ["dE", found.dE, exact.dE, missingE],
        ["dC", found.dC, exact.dC, missingC],
      ] as const
    ) {
      truth.forEach((x, i) => {
        const error = Math.abs(filtered[i] - x);
        largest = Math.max(largest, error);
        assert(
          error <= missing[i] + 1e-5 + 1e-4 * Math.abs(x),
          `${what}[${i}] is off by ${error}; at most ${missing[i]} may be dropped`,
        );
      });
    }
    assert(largest > 1e-4, `the largest difference is ${largest}: nothing was dropped`);
  }
});

Deno.test("a filter keeps what matters of batches where nothing does, and where all does", async () => {
  const flat = randomProblem({ t: 40, v: 5 * tile.n, d: 8 });
  flat.e = flat.e.map((x) => x * 1e-3); // every probability is 1 / V
  for (const [filterEps, share] of [[0.5, 0], [2 ** -12, 1]] as const) {
    using e = gpu.tensor(flat.e, [40, 8]);
    using c = gpu.tensor(flat.c, [flat.v, 8]);
    const map = await inspectFilter(e, c, flat.targets);
    assertEquals(map.kept(filterEps, { rows: 1, columns: tile.n }).pairs, share);
    if (share === 1) {
      const options = { filterEps, reduction: "none" } as const;
      await checkLoss(gpu, "all kept", { problem: flat, options, impls: ["cut"] });
      continue;
    }
    // Only the target's part is left: dE = dz · C[target].
    const { dE } = await run(flat, { filterEps, reduction: "none" });
    const upstream = Float32Array.from({ length: 40 }, normals(3));
    const p = 1 / flat.v;
    dE.forEach((x, at) => {
      const i = Math.floor(at / 8);
      const truth = upstream[i] * (p - 1) * flat.c[flat.targets[i] * 8 + at % 8];
      assert(Math.abs(x - truth) <= 1e-3 * Math.abs(truth) + 1e-5, `dE[${at}]: ${x}, ${truth}`);
    });
  }
});

Deno.test("two runs give the same bits, on the same device and on another", async () => {
  const problem = randomProblem({ t: 150, v: 3 * 128 + 7, d: 20, bias: true, ignored: true });
  using other = await Gpu.open();
  const ways: LinearCrossEntropyOptions[] = [
    { impl: "naive" },
    { impl: "chunked" },
    { impl: "cut" },
    { impl: "cut", filterEps: "auto" },
    { impl: "cut", filterEps: 2 ** -12 },
  ];
  for (const way of ways) {
    for (const reduction of ["mean", "none"] as const) {
      const options = { ...way, reduction, softcap: 20 };
      const first = await run(problem, options);
      for (const on of [gpu, gpu, other]) {
        const again = await run(problem, options, on);
        for (const quantity of ["loss", "dE", "dC", "dBias"] as const) {
          assertSame(again[quantity]!, first[quantity]!, `${JSON.stringify(options)} ${quantity}`);
        }
      }
    }
  }
});

/** Bytes by label that a call of the loss asks for, besides what lives before. */
async function buffers(
  t: number,
  v: number,
  options: LinearCrossEntropyOptions,
  differentiate: boolean,
): Promise<Map<string, number>> {
  const d = 8, { e, c, targets } = randomProblem({ t, v, d });
  using E = gpu.tensor(e, [t, d], { requiresGrad: differentiate });
  using C = gpu.tensor(c, [v, d], { requiresGrad: differentiate });
  const asked = new Map<string, number>(), { allocate } = gpu;
  gpu.allocate = (bytes, label) => {
    asked.set(label, Math.max(bytes, asked.get(label) ?? 0));
    return allocate.call(gpu, bytes, label);
  };
  try {
    using loss = linearCrossEntropy(E, C, targets, { impl: "cut", ...options });
    if (differentiate) loss.backward();
    await gpu.sync();
  } finally {
    gpu.allocate = allocate;
  }
  return asked;
}

Deno.test("no buffer of cut grows with N·V, but for a keep-map of one byte a row and tile", async () => {
  const n = 40 * tile.m, v = 60 * tile.n;
  for (const filterEps of [null, 2 ** -12]) {
    for (const differentiate of [false, true]) {
      const of = (t: number, v: number) =>
        buffers(t, v, { filterEps, scratchBytes: 1 << 20 }, differentiate);
      const [small, tall, wide, large] = [
        await of(n, v),
        await of(2 * n, v),
        await of(n, 2 * v),
        await of(2 * n, 2 * v),
      ];
      const growing = [...large.keys()].filter((label) => {
        // f(N, V) = a + b·N + c·V has no more than f(2N, V) + f(N, 2V) − f(N, V) at (2N, 2V).
        const linear = tall.get(label)! + wide.get(label)! - small.get(label)!;
        return large.get(label)! > linear && label !== "rows by target";
      });
      // One list of rows, and where each of at most N different targets begins.
      assert((large.get("rows by target") ?? 0) <= 2 * (4 * 2 * n) + 1024);
      const filtered = differentiate && filterEps !== null;
      const what = `filterEps ${filterEps}, ${differentiate ? "with" : "without"} gradients`;
      assertEquals(growing, filtered ? ["keep-map"] : [], what);
      if (filtered) {
        const tiles = 2 * v / tile.n;
        assertEquals(large.get("keep-map"), (tiles + 1) * 2 * n, "and one byte a row's threshold");
      }
    }
  }
});

Deno.test("cut needs a small part of what naive needs, as the ledger has it", () => {
  const t = 512, v = 4096, d = 16;
  const { e, c, targets } = randomProblem({ t, v, d });
  using E = gpu.tensor(e, [t, d], { requiresGrad: true });
  using C = gpu.tensor(c, [v, d], { requiresGrad: true });
  const gradients = (t + v) * d * 4;
  const peak = (options: LinearCrossEntropyOptions) =>
    gpu.memory.measure(() => {
      using loss = linearCrossEntropy(E, C, targets, options);
      loss.backward();
      E.zeroGrad();
      C.zeroGrad();
    }).peak;
  const naive = peak({ impl: "naive" });
  assert(naive >= t * v * 4 + gradients, `${naive}`);
  const filtered = peak({ impl: "cut", filterEps: "auto" });
  const others = t * v / tile.n * 9 + 60 * t + 16 * t + 4096; // keep-map, partial sums, rows
  assert(filtered <= gradients + others + 40_000, `${filtered} above ${gradients}`);
  const scratchBytes = 1 << 18;
  const exact = peak({ impl: "cut", scratchBytes });
  assert(exact <= gradients + scratchBytes + 200_000, `${exact} above ${gradients}`);
});
