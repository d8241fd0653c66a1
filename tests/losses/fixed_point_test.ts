/** Fixed point of the filtered gradients: no number among the inputs may cost others their digits. */
import { assert, assertEquals } from "@std/assert";
import { cutJobs } from "../../kernels/cut_jobs.ts";
import { scaleLayout } from "../../kernels/fixed_point.ts";
import { rowGrid } from "../../kernels/grid.ts";
import { rowSizes } from "../../kernels/row_sizes.ts";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { expected, type HostProblem, normals, randomProblem } from "./reference.ts";

const gpu = await Gpu.open();
const [N, V, D] = [90, 300, 24];

/** E of N(0, 1/D) and C of N(0, 1): logits N(0, 1), so that every row has a gradient in every column. */
function flatProblem(): HostProblem {
  const problem = randomProblem({ t: N, v: V, d: D }), normal = normals(9);
  problem.e = problem.e.map(() => normal() / Math.sqrt(D));
  return problem;
}

function scaleRow(x: Float32Array, row: number, factor: number): void {
  for (let k = row * D; k < (row + 1) * D; k++) x[k] *= factor;
}

interface Gradients {
  dE: Float32Array;
  dC: Float32Array;
  dBias?: Float32Array;
}

/** Gradients for one upstream gradient a token; the smallest possible filter, so that it drops nothing. */
async function filtered(
  { e, c, bias, targets }: HostProblem,
  upstream: Float32Array<ArrayBuffer>,
  on = gpu,
  filterEps: number | null = 1e-12,
): Promise<Gradients> {
  using E = on.tensor(e, [N, D], { requiresGrad: true });
  using C = on.tensor(c, [V, D], { requiresGrad: true });
  using b = bias && on.tensor(bias, [V], { requiresGrad: true });
  using loss = linearCrossEntropy(E, C, targets, {
    bias: b,
    reduction: "none",
    filterEps,
  });
  loss.backward(on.tensor(upstream));
  const [dE, dC, dBias] = await on.read([E.grad!, C.grad!, ...(b ? [b.grad!] : [])]);
  return { dE, dC, dBias };
}

/**
 * Fails unless each row is within `tolerance` of its own length of the truth: what is small is judged
 * by itself, not by what is large elsewhere.
 */
function assertRows(x: Float32Array, truth: Float64Array, tolerance: number, what: string): void {
  for (let first = 0; first < truth.length; first += D) {
    let difference = 0, size = 0;
    for (let k = first; k < first + D; k++) {
      difference += (x[k] - truth[k]) ** 2;
      size += truth[k] ** 2;
    }
    assert(
      difference <= tolerance ** 2 * size,
      `${what}: row ${first / D} of length ${Math.sqrt(size)} is off by ${Math.sqrt(difference)}`,
    );
  }
}

const ones = new Float32Array(N).fill(1);

const UNEVEN: Record<string, (problem: HostProblem, upstream: Float32Array) => void> = {
  "a row of E is a million times as large as the others": ({ e }) => scaleRow(e, 7, 1e6),
  "an element of E is a million": ({ e }) => e[7 * D + 3] = 1e6,
  "a row of C is a million times as large as the others": ({ c }) => scaleRow(c, 7, 1e6),
  "an upstream gradient is a million times as large as the others": (_, up) => up[7] = 1e6,
  "rows of E and of C are": ({ e, c }) => (scaleRow(e, 7, 1e6), scaleRow(c, 9, 1e6)),
};
for (const [name, change] of Object.entries(UNEVEN)) {
  Deno.test(`filtered gradients keep their digits where ${name}`, async () => {
    const problem = flatProblem(), upstream = ones.slice();
    change(problem, upstream);
    const truth = expected(problem, { reduction: "none" }, upstream);
    using sharded = await Gpu.open({ maxBinding: 128 * D * 4 });
    for (const on of [gpu, sharded]) {
      const { dE, dC } = await filtered(problem, upstream, on);
      // A probability is as good as its logit: 1e-5 where those are of hundreds of thousands or less; a row
      // whose own logits are in the millions has a gradient of 0 or 1 times the rows of the other matrix.
      assertRows(dE, truth.dE, 1e-5, `dE, ${on === gpu ? "one shard" : "shards"}`);
      assertRows(dC, truth.dC, 1e-5, `dC, ${on === gpu ? "one shard" : "shards"}`);
    }
    const [first, second] = [await filtered(problem, upstream), await filtered(problem, upstream)];
    assertEquals(second, first);
  });
}

Deno.test("the bias's gradient keeps its digits where one upstream gradient is a million", async () => {
  // That token knows nothing of the entries beyond the first tile, all others know nothing at all.
  const problem = flatProblem(), upstream = ones.slice();
  problem.bias = new Float32Array(V);
  problem.e.fill(0, 7 * D, 8 * D);
  problem.e[7 * D] = 60;
  for (let v = 0; v < V; v++) problem.c[v * D] = v === 3 ? 1 : v < 20 ? -1 : 0;
  problem.targets.fill(200);
  upstream[7] = 1e6;
  const { dBias } = expected(problem, { reduction: "none" }, upstream);
  const found = await filtered(problem, upstream);
  // Entries 4 … 19 share a tile with entry 3, which takes all of the large upstream gradient.
  for (let v = 4; v < 20; v++) {
    const error = Math.abs(found.dBias![v] - dBias[v]);
    assert(error < 1e-5 * Math.abs(dBias[v]), `${v}: ${found.dBias![v]}, ${dBias[v]}`);
  }
});

Deno.test("upstream gradients of any size give gradients of that size", async () => {
  const problem = flatProblem();
  const { dE, dC } = expected(problem, { reduction: "none" }, ones);
  for (const size of [1e-30, 1e-20, 1e20, 1e30]) {
    const found = await filtered(problem, ones.map(() => size));
    for (const [x, truth] of [[found.dE, dE], [found.dC, dC]] as const) {
      const scaled = Float32Array.from(x, (value) => value / Math.fround(size));
      assertRows(scaled, truth, 1e-5, String(size));
    }
  }
});

Deno.test("the bound holds where the log-sum-exp is rounded: logits of ten thousand and more", async () => {
  for (const [level, gap] of [[10_000, 8.5], [100_000, 6.5]]) {
    const problem = flatProblem();
    problem.targets.fill(5);
    // The target's logit is the largest. Two others lie so far below it that their probabilities,
    // e⁻⁸·⁵ = 2e-4 each, are lost in the log-sum-exp, whose last bit is worth 1e-3: 1 − p of the target is
    // zero, and yet they have a gradient, which is what the exact way has, too.
    problem.bias = new Float32Array(V).fill(level - 60);
    problem.bias[5] = level;
    for (const v of [77, 210]) problem.bias[v] = level - gap;
    problem.e.fill(0);
    const { dE } = await filtered(problem, ones);
    const { dE: exact } = await filtered(problem, ones, gpu, null);
    assert(exact.some((x) => Math.abs(x) > 1e-4));
    assertRows(dE, Float64Array.from(exact), 1e-4, `logits of ${level}`);
  }
});

Deno.test("what rows get is measured only where one is far larger than usual", async () => {
  const normal = normals(4);
  const even = Float32Array.from({ length: N * D }, normal);
  const large = even.slice(), sparse = even.slice();
  scaleRow(large, 11, 1000);
  sparse.fill(0, D); // one row, the others are padding
  for (const [data, measured] of [[even, false], [large, true], [sparse, false]] as const) {
    using _ = gpu.scope();
    const { length, ...places } = scaleLayout({ rows: N, columns: N, tiles: 3, d: D });
    const scales = gpu.tensor(new Int32Array(length));
    const [e, counts] = [gpu.tensor(data, [N, D]), gpu.tensor(Int32Array.of(5, 0, 20))];
    const [jobs, grid] = [gpu.tensor(new Int32Array(4)), gpu.tensor(new Int32Array(6))];
    gpu.run(
      rowSizes({ weighted: false }),
      { x: e, y: scales },
      { rowCount: N, width: D, first: places.rowSizes, spread: places.eSpread },
      rowGrid(N),
    );
    gpu.run(
      cutJobs({ rowsOfJob: 8 }),
      { counts, scales, jobs, grid },
      { firstTile: 0, tiles: 3, ...places },
      [1],
    );
    const [firstJobs, grids, numbers] = await gpu.readBytes([
      jobs.memory,
      grid.memory,
      scales.memory,
    ]);
    assertEquals([...new Uint32Array(firstJobs).subarray(0, 4)], [0, 1, 1, 4]);
    const expectedGrid = measured ? [4, 1, 1] : [0, 0, 1];
    assertEquals([...new Uint32Array(grids).subarray(0, 6)], [4, 1, 1, ...expectedGrid]);
    const sizes = new Float32Array(numbers).subarray(places.rowSizes, places.rowSizes + N);
    sizes.forEach((size, i) =>
      assertEquals(size, Math.max(...data.subarray(i * D, (i + 1) * D).map(Math.abs)))
    );
  }
});
