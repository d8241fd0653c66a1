import { Gpu } from "../../lib/tensor/gpu.ts";
import { ShapeError } from "../../lib/tensor/shape.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { ATTENTION_PARTS } from "../../lib/ops/attention_tiles.ts";
import { add, attention, diffAttention } from "../../lib/ops/mod.ts";
import { assert, assertThrows } from "@std/assert";
import { attentionReference, type ReferenceProblem } from "./attention_reference.ts";
import { assertClose, checkOp, numbers } from "./check_op.ts";

const gpu = await Gpu.open();

/** A case. */
function check(
  name: string,
  p: ReferenceProblem,
  options: Parameters<typeof diffAttention>[6] = {},
  { size = 1.5, lambda = 0.6 } = {},
): Promise<void> {
  const q = [p.batch, p.timeQ, p.heads, p.widthQk], k = [p.batch, p.timeK, p.heads, p.widthQk];
  // The last input is λ but for a constant.
  const rest = Math.fround(lambda - size * numbers(1, 6)[0]);
  return checkOp(gpu, name, {
    shapes: [q, k, q, k, [p.batch, p.timeK, p.heads, p.widthV], [1]],
    size,
    op: ([q1, k1, q2, k2, v, x]) =>
      diffAttention(q1, k1, q2, k2, v, add(x, gpu.tensor([rest])), options),
    formula: ([q1, k1, q2, k2, v, [x]]) =>
      attentionReference(
        [{ q: q1, k: k1, factor: 1 }, { q: q2, k: k2, factor: -(x + rest) }],
        v,
        p,
      ),
    probes: 6,
  });
}

const PLAIN = { batch: 2, timeQ: 21, timeK: 21, heads: 2, widthQk: 8, widthV: 24 };

Deno.test("differential attention follows its formula, with gradients of all its inputs", async () => {
  await check("plain", PLAIN);
  await check("other lengths", { ...PLAIN, timeQ: 3, timeK: 37 });
  await check("one token", { ...PLAIN, batch: 1, timeQ: 1, timeK: 1, heads: 1 });
  await check("large scores", PLAIN, {}, { size: 12 });
});

Deno.test("values of any width, whose halves are unequal or one of them empty", async () => {
  const sizes = {
    batch: 1,
    timeQ: 19,
    timeK: 19,
    heads: 2,
    visible: (_: number, i: number, j: number) => j <= i,
  };
  for (const [widthQk, widthV] of [[4, 12], [4, 4], [4, 5], [3, 1]]) {
    await check(`d = ${widthQk}, dv = ${widthV}`, { ...sizes, widthQk, widthV }, { causal: true });
  }
});

Deno.test("λ may be negative, zero or larger than 1", async () => {
  for (const lambda of [-0.6, 0, 2.4]) await check(`λ = ${lambda}`, PLAIN, {}, { lambda });
});

Deno.test("differential attention with masks follows its formula, also where a query sees no key", async () => {
  const sizes = { batch: 3, timeQ: 34, timeK: 34, heads: 1, widthQk: 3, widthV: 6 };
  // Keys at the beginning of the first sequence do not count, and none of the last one's.
  const flags = Int32Array.from({ length: 102 }, (_, i) => i < 4 || i % 5 === 0 || i >= 68 ? 0 : 1);
  using mask = gpu.tensor(flags, [3, 34]);
  const counts = (b: number, j: number) => flags[b * 34 + j] === 1;
  await check("causal and mask", { ...sizes, visible: (b, i, j) => j <= i && counts(b, j) }, {
    causal: true,
    mask,
  });
  await check("causal, mask and a cache of keys", {
    ...sizes,
    timeQ: 5,
    visible: (b, i, j) => j <= i + 29 && counts(b, j),
  }, { causal: true, mask });
  const keyLengths = [20, 0, 34];
  await check("lengths", { ...sizes, visible: (b, _, j) => j < keyLengths[b] }, { keyLengths });
});

/** Gradients of everything, of two sequences of unequal length. */
async function gradients(): Promise<Float32Array[]> {
  const options = { causal: true, keyLengths: [50, 9] };
  const q = [2, 37, 2, 4], k = [2, 50, 2, 4];
  using _ = gpu.scope();
  const inputs = [q, k, q, k, [2, 50, 2, 8], [1]].map((shape, i) => {
    const x = gpu.tensor(numbers(shape.reduce((a, b) => a * b), i), shape);
    x.requiresGrad = true;
    return x;
  });
  const [q1, k1, q2, k2, v, lambda] = inputs;
  const y = diffAttention(q1, k1, q2, k2, v, lambda, options);
  y.backward(gpu.tensor(numbers(y.size, 7), y.shape));
  return await gpu.read(inputs.map(({ grad }) => grad!)) as Float32Array[];
}

Deno.test("workgroups may share the columns of a gradient", async () => {
  const alone = await gradients();
  for (const parts of [2, 3]) {
    const shared = await gpu.tuning.using(ATTENTION_PARTS, parts, gradients);
    alone.forEach((values, i) =>
      assertClose(shared[i], values, `${parts} parts, ${i}`, 1e-6, 1e-5)
    );
  }
});

Deno.test("differential attention is the same where a kernel may have eight buffers only", async () => {
  const limits: Record<string, number> = {};
  for (const name in gpu.limits) limits[name] = (gpu.limits as unknown as typeof limits)[name];
  const own = gpu.limits;
  Object.defineProperty(gpu, "limits", {
    configurable: true,
    value: { ...limits, maxStorageBuffersPerShaderStage: 8 },
  });
  try {
    const sizes = { batch: 2, timeQ: 19, timeK: 19, heads: 2, widthQk: 4, widthV: 8 };
    const visible = (_: number, i: number, j: number) => j <= i;
    await check("few buffers", { ...sizes, visible }, { causal: true });
  } finally {
    Object.defineProperty(gpu, "limits", { configurable: true, value: own });
  }
});

Deno.test("with λ = 0 it is ordinary attention, and with equal maps and λ = 1 nothing is left", async () => {
  const shape = [1, 18, 2, 4];
  using q = gpu.tensor(numbers(144, 1), shape);
  using k = gpu.tensor(numbers(144, 2), shape);
  using other = gpu.tensor(numbers(144, 3), shape);
  using v = gpu.tensor(numbers(288, 4), [1, 18, 2, 8]);
  using zero = gpu.tensor([0], []);
  using one = gpu.tensor([1]);
  using expected = attention(q, k, v, { causal: true });
  using found = diffAttention(q, k, other, other, v, zero, { causal: true });
  using nothing = diffAttention(q, k, q, k, v, one);
  const [a, b, c] = await gpu.read([expected, found, nothing]);
  assertClose(b, a, "λ = 0", 0, 0);
  assert(c.every((x) => x === 0));
});

Deno.test("memory of differential attention grows with T, not with T²", () => {
  // On a GPU a longer sequence may be shared by other numbers of workgroups, each with gradients of its own.
  const peak = (time: number) =>
    gpu.tuning.using(ATTENTION_PARTS, 1, () => {
      using _ = gpu.scope();
      const [q1, k1, q2, k2, v, lambda] = [8, 8, 8, 8, 24, 0].map((width) => {
        const tensor = width ? gpu.zeros([1, time, 1, width]) : gpu.zeros([1]);
        tensor.requiresGrad = true;
        return tensor;
      });
      return gpu.memory.measure(() => {
        using y = diffAttention(q1, k1, q2, k2, v, lambda);
        using upstream = y.alias();
        y.backward(upstream);
      }).peak;
    });
  const short = peak(256), long = peak(512);
  assert(long <= 2.2 * short, `${short} bytes for 256 tokens, ${long} for 512`);
});

Deno.test("arguments of differential attention that do not fit are named", () => {
  using x = gpu.zeros([1, 2, 1, 4]);
  using lambda = gpu.zeros([1]);
  using two = gpu.zeros([2]);
  using longer = gpu.zeros([1, 3, 1, 4]);
  using flags = gpu.zeros([1, 2]);
  const run = (change: { q2?: Tensor; v?: Tensor; lambda?: Tensor }, options = {}) => () =>
    diffAttention(x, x, change.q2 ?? x, x, change.v ?? x, change.lambda ?? lambda, options);
  assertThrows(run({ lambda: two }), ShapeError, "lambda has the shape [2]");
  assertThrows(() => diffAttention(two, x, x, x, x, lambda), ShapeError, "q1 has the shape [2]");
  assertThrows(run({ q2: longer }), ShapeError, "q2 has the shape [1, 3, 1, 4]");
  assertThrows(run({ v: longer }), ShapeError, "v has the shape [1, 3, 1, 4]");
  assertThrows(run({}, { mask: flags }), TypeError, "mask is a tensor of dtype f32");
  assertThrows(run({}, { keyLengths: [3] }), RangeError, "keyLengths[0] is 3");
  assertThrows(run({}, { keyLengths: [0.5] }), RangeError, "keyLengths[0] is 0.5");
  assertThrows(run({}, { scale: NaN }), RangeError, "scale is NaN");
});
