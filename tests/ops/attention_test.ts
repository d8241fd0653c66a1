import { Gpu } from "../../lib/tensor/gpu.ts";
import { attention, attentionPacked } from "../../lib/ops/mod.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { attentionReference, type ReferenceProblem } from "./attention_reference.ts";
import { assertClose, checkOp, numbers } from "./check_op.ts";

const gpu = await Gpu.open();

/** A case of attention on three tensors. */
function check(
  p: ReferenceProblem,
  options: Parameters<typeof attention>[3],
  name: string,
  size = 2,
): Promise<void> {
  return checkOp(gpu, name, {
    shapes: [
      [p.batch, p.timeQ, p.heads, p.widthQk],
      [p.batch, p.timeK, p.heads, p.widthQk],
      [p.batch, p.timeK, p.heads, p.widthV],
    ],
    size,
    op: ([q, k, v]) => attention(q, k, v, options),
    formula: ([q, k, v]) => attentionReference([{ q, k, factor: 1 }], v, p),
    probes: 10,
  });
}

Deno.test("attention of any shape follows the formula, with gradients", async () => {
  const widths = { widthQk: 8, widthV: 8 };
  await check({ batch: 2, timeQ: 19, timeK: 19, heads: 3, ...widths }, {}, "plain");
  await check({ batch: 1, timeQ: 1, timeK: 1, heads: 1, ...widths }, {}, "smallest");
  await check({ batch: 1, timeQ: 20, timeK: 20, heads: 1, ...widths }, {}, "large scores", 7);
  await check(
    { batch: 1, timeQ: 5, timeK: 37, heads: 2, widthQk: 3, widthV: 17, scale: 0.7 },
    { scale: 0.7 },
    "odd widths, other lengths and scale",
  );
});

Deno.test("causal attention sees no future, also with a cache of keys", async () => {
  const sizes = { batch: 2, heads: 2, widthQk: 8, widthV: 8 };
  await check(
    { ...sizes, timeQ: 40, timeK: 40, visible: (_, i, j) => j <= i },
    { causal: true },
    "causal",
  );
  await check(
    { ...sizes, timeQ: 3, timeK: 20, visible: (_, i, j) => j <= i + 17 },
    { causal: true },
    "causal with a cache",
  );
});

Deno.test("padding does not count, by lengths or by a mask, causal or not", async () => {
  const sizes = { batch: 3, timeQ: 18, timeK: 18, heads: 2, widthQk: 8, widthV: 8 };
  const lengths = [18, 0, 5];
  await check(
    { ...sizes, visible: (b, _, j) => j < lengths[b] },
    { keyLengths: lengths },
    "lengths",
  );
  const flags = Int32Array.from({ length: 54 }, (_, i) => (i * 7) % 3 === 0 ? 0 : 1);
  using keyMask = gpu.tensor(flags, [3, 18]);
  await check(
    { ...sizes, visible: (b, i, j) => j <= i && flags[b * 18 + j] === 1 },
    { keyMask, causal: true },
    "mask and causal",
  );
});

Deno.test("a packed projection gives what its parts give", async () => {
  for (const [time, heads, width] of [[21, 2, 8], [5, 3, 1]]) {
    const inner = heads * width;
    const p = { batch: 2, timeQ: time, timeK: time, heads, widthQk: width, widthV: width };
    const part = (x: Float64Array, i: number) =>
      Float64Array.from(
        { length: 2 * time * inner },
        (_, at) => x[Math.floor(at / inner) * 3 * inner + i * inner + at % inner],
      );
    await checkOp(gpu, `packed [${time}, ${heads}, ${width}]`, {
      shapes: [[2, time, 3 * inner]],
      op: ([qkv]) => attentionPacked(qkv, { heads, causal: true }),
      formula: ([x]) =>
        attentionReference([{ q: part(x, 0), k: part(x, 1), factor: 1 }], part(x, 2), {
          ...p,
          visible: (_, i, j) => j <= i,
        }),
    });
  }
});

Deno.test("attention with dropout is linear in v with weights that are 0 or too large", async () => {
  // With v the identity, the result is the matrix of weights itself.
  const time = 24, p = 0.4;
  const identity = Float32Array.from(
    { length: time * time },
    (_, i) => i % (time + 1) === 0 ? 1 : 0,
  );
  using q = gpu.tensor(numbers(time * 8, 1), [1, time, 1, 8], { requiresGrad: true });
  using k = gpu.tensor(numbers(time * 8, 2), [1, time, 1, 8], { requiresGrad: true });
  using v = gpu.tensor(identity, [1, time, 1, time], { requiresGrad: true });
  const dropout = { p, seed: 11, offset: 5 };
  using whole = attention(q, k, v).keep();
  using y = attention(q, k, v, { dropout }).keep();
  const upstream = numbers(time * time, 3);
  using dy = gpu.tensor(upstream, y.shape);
  y.backward(dy);
  const [full, some, dv, dq] = await gpu.read([whole, y, v.grad!, q.grad!]);
  const kept = some.map((w) => w === 0 ? 0 : 1);
  const count = kept.reduce((a, b) => a + b);
  assert(Math.abs(count / kept.length - (1 - p)) < 0.1, `${count} of ${kept.length} kept`);
  assertClose(some, full.map((w, i) => w * kept[i] / (1 - p)), "weights kept");
  // dv = Pᵀ·dy with the weights that were kept.
  const expected = new Float64Array(time * time);
  for (let i = 0; i < time; i++) {
    for (let j = 0; j < time; j++) {
      for (let c = 0; c < time; c++) {
        expected[j * time + c] += some[i * time + j] * upstream[i * time + c];
      }
    }
  }
  assertClose(dv, expected, "dv");
  // dq by central differences of the formula with the same mask.
  const exact = [q, k].map((_, i) => Float64Array.from(numbers(time * 8, i + 1)));
  const problem = { batch: 1, timeQ: time, timeK: time, heads: 1, widthQk: 8, widthV: time };
  const loss = () => {
    const w = attentionReference(
      [{ q: exact[0], k: exact[1], factor: 1 }],
      Float64Array.from(identity),
      problem,
    );
    return w.reduce((sum, x, i) => sum + x * kept[i] / (1 - p) * upstream[i], 0);
  };
  for (const i of [0, 50, 100, 191]) {
    const value = exact[0][i];
    exact[0][i] = value + 1e-5;
    const above = loss();
    exact[0][i] = value - 1e-5;
    const below = loss();
    exact[0][i] = value;
    assertClose([dq[i]], [(above - below) / 2e-5], `dq[${i}]`);
  }
});

Deno.test("memory grows with T, not with T²", async () => {
  const peak = async (time: number) => {
    using qkv = gpu.tensor(numbers(time * 24), [1, time, 24], { requiresGrad: true });
    const { peak } = await gpu.memory.measure(() => {
      using y = attentionPacked(qkv, { heads: 1 });
      using upstream = y.alias();
      y.backward(upstream);
    });
    return peak;
  };
  const short = await peak(256), long = await peak(512);
  assert(long <= 2.2 * short, `${short} bytes for 256 tokens, ${long} for 512`);
});

Deno.test("arguments that do not fit are named", () => {
  using q = gpu.zeros([1, 4, 2, 8]);
  using k = gpu.zeros([1, 3, 2, 8]);
  using wrong = gpu.zeros([1, 3, 2, 6]);
  assertThrows(() => attention(q, wrong, k), TypeError, "k has the shape [1, 3, 2, 6]");
  assertThrows(() => attention(q, k, k, { causal: true }), TypeError, "4 queries to 3 keys");
  assertThrows(() => attention(q, k, k, { keyLengths: [1, 2] }), TypeError, "2 numbers");
  using mask = gpu.zeros([1, 3]);
  assertThrows(() => attention(q, k, k, { keyMask: mask }), TypeError, "expected i32");
  using qkv = gpu.zeros([1, 4, 10]);
  assertThrows(() => attentionPacked(qkv, { heads: 2 }), TypeError, "heads = 2");
  using y = attention(q, k, k);
  assertEquals(y.shape, [1, 4, 2, 8]);
});
