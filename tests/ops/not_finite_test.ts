/**
 * What is no number shows wherever it is reckoned with: a maximum, a clamp or a condition that drops it
 * would make a spoilt step look sound.
 */
import { assert, assertEquals } from "@std/assert";
import { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import {
  add,
  attention,
  attentionPacked,
  crossEntropy,
  diffAttention,
  diffLambda,
  dropout,
  gelu,
  layerNorm,
  linear,
  maskedMean,
  matmul,
  mean,
  mul,
  relu,
  rmsNorm,
  rotary,
  scale,
  selectToken,
  silu,
  swiglu,
  tanh,
} from "../../lib/ops/mod.ts";
import { numbers } from "./check_op.ts";

const gpu = await Gpu.open();

type Expected = (i: number) => boolean | undefined;

interface Spoilt {
  shapes: readonly (readonly number[])[];
  /** The input and its element that is no number. */
  at: [input: number, element: number];
  op: (inputs: Tensor[]) => Tensor;
  /** Which elements of the result must be no number (true) or finite (false); undefined: either. */
  y: Expected;
  /** The same of the gradient of each input. */
  gradients: readonly Expected[];
}

/** Fails unless NaN in one element shows in exactly those of the results that are computed from it. */
async function check(name: string, { shapes, at: [input, element], op, y, gradients }: Spoilt) {
  using _ = gpu.scope();
  const inputs = shapes.map((shape, i) => {
    const data = numbers(shape.reduce((a, b) => a * b, 1), i + 1);
    if (i === input) data[element] = NaN;
    return gpu.tensor(data, shape, { requiresGrad: true }).keep();
  });
  const result = op(inputs).keep();
  result.backward(gpu.tensor(numbers(result.size, 99), result.shape));
  const found = await gpu.read([result, ...inputs.map((x) => x.grad!)]);
  for (const tensor of [result, ...inputs]) tensor.dispose();
  [y, ...gradients].forEach((spoilt, which) => {
    const what = `${name}: ${which === 0 ? "y" : `gradient of input ${which - 1}`}`;
    found[which].forEach((x, i) => {
      const expected = spoilt(i);
      if (expected === undefined) return;
      const right = expected ? Number.isNaN(x) : Number.isFinite(x);
      assert(right, `${what}[${i}] is ${x}; expected ${expected ? "NaN" : "a number"}`);
    });
  });
}

const all = () => true, none = () => false;
const only = (place: number) => (i: number) => i === place;
/** The elements of one row. */
const row = (n: number, width: number) => (i: number) => Math.floor(i / width) === n;
const column = (n: number, width: number) => (i: number) => i % width === n;

Deno.test("activations pass NaN on, and so do their derivatives", async () => {
  const functions = {
    gelu: (x: Tensor) => gelu(x),
    gelu_tanh: (x: Tensor) => gelu(x, { approximate: "tanh" }),
    silu,
    tanh,
  };
  for (const [name, f] of Object.entries(functions)) {
    const spoilt = only(6);
    await check(name, {
      shapes: [[3, 5]],
      at: [0, 6],
      op: ([x]) => f(x),
      y: spoilt,
      gradients: [spoilt],
    });
  }
  // As in PyTorch, what is not below 0 lets its gradient through.
  const [shapes, at] = [[[3, 5]], [0, 6] as [number, number]];
  await check("relu", { shapes, at, op: ([x]) => relu(x), y: only(6), gradients: [none] });
  for (const i of [0, 1]) {
    await check(`swiglu, input ${i}`, {
      shapes: [[3, 5], [3, 5]],
      at: [i, 6],
      op: ([gate, up]) => swiglu(gate, up),
      y: only(6),
      gradients: i === 0 ? [only(6), only(6)] : [only(6), none],
    });
  }
});

Deno.test("a product passes NaN on through its activation, bias and residual", async () => {
  for (const activation of [undefined, "gelu", "gelu_tanh", "relu", "tanh"] as const) {
    for (const [which, spoilt] of [row(1, 7), column(2, 7), only(4)].entries()) {
      const data = [numbers(15), numbers(7, 3), numbers(21, 4)];
      data[which][[6, 2, 4][which]] = NaN;
      using x = gpu.tensor(data[0], [3, 5]);
      using weight = gpu.tensor(numbers(35, 2), [7, 5]);
      using bias = gpu.tensor(data[1]);
      using residual = gpu.tensor(data[2], [3, 7]);
      using y = linear(x, weight, bias, { activation, residual });
      const found = [...await y.read()];
      const what = `${activation}, ${["x", "bias", "residual"][which]}`;
      assertEquals(found.map(Number.isNaN), found.map((_, i) => spoilt(i)), what);
    }
  }
});

Deno.test("products, sums and means pass NaN on, in both directions", async () => {
  await check("matmul", {
    shapes: [[3, 5], [5, 7]],
    at: [0, 6],
    op: ([a, b]) => matmul(a, b),
    y: row(1, 7),
    gradients: [none, row(1, 7)],
  });
  for (const activation of ["gelu", "gelu_tanh", "tanh"] as const) {
    await check(`linear and ${activation}`, {
      shapes: [[3, 5], [7, 5]],
      at: [0, 6],
      op: ([x, weight]) => linear(x, weight, undefined, { activation }),
      y: row(1, 7),
      gradients: [row(1, 5), all],
    });
  }
  const pair = { shapes: [[3, 5], [5]], at: [0, 6] as [number, number] };
  await check("add", { ...pair, op: ([a, b]) => add(a, b), y: only(6), gradients: [none, none] });
  await check("mul", {
    ...pair,
    op: ([a, b]) => mul(a, b),
    y: only(6),
    gradients: [none, only(1)],
  });
  const one = { shapes: [[2, 3, 5]], at: [0, 6] as [number, number], gradients: [none] };
  await check("scale", { ...one, op: ([x]) => scale(x, 2), y: only(6) });
  await check("mean", { ...one, op: ([x]) => mean(x), y: all });
  await check("selectToken", { ...one, op: ([x]) => selectToken(x, 1), y: only(1) });
  const mask = gpu.tensor(Int32Array.of(1, 1, 0, 1, 1, 1), [2, 3]);
  await check("maskedMean", { ...one, op: ([x]) => maskedMean(x, mask), y: only(1) });
  mask.dispose();
});

Deno.test("a norm passes NaN on to its whole row", async () => {
  for (const width of [8, 5, 261]) {
    const shapes = [[3, width], [width], [width]], at: [number, number] = [0, width + 3];
    const gradients = [row(1, width), all];
    await check(`layerNorm, ${width} wide`, {
      ...{ shapes, at, y: row(1, width), gradients: [...gradients, none] },
      op: ([x, weight, bias]) => layerNorm(x, weight, bias),
    });
    await check(`rmsNorm, ${width} wide`, {
      ...{ shapes: shapes.slice(0, 2), at, y: row(1, width), gradients },
      op: ([x, weight]) => rmsNorm(x, weight),
    });
  }
});

Deno.test("rotary embeddings pass NaN on to both of a pair, dropout to what it drops too", async () => {
  const shapes = [[1, 2, 1, 6]], at: [number, number] = [0, 7];
  const pair = (i: number) => i === 7 || i === 10;
  await check("rotary", { shapes, at, op: ([x]) => rotary(x), y: pair, gradients: [none] });
  for (let seed = 0; seed < 8; seed++) {
    const dropped = (x: Tensor) => dropout(x, 0.7, { seed });
    await check("dropout", { shapes, at, op: ([x]) => dropped(x), y: only(7), gradients: [none] });
  }
});

Deno.test("cross-entropy passes NaN of a class on to its row, whichever is the target", async () => {
  using targets = gpu.tensor(Int32Array.of(0, 1, 2), [3]);
  for (const classes of [3, 45]) {
    for (const element of [classes, classes + 1, classes + 2]) {
      for (const reduction of ["none", "mean"] as const) {
        await check(`crossEntropy of ${classes}`, {
          shapes: [[3, classes]],
          at: [0, element],
          op: ([x]) => crossEntropy(x, targets, { reduction }),
          y: reduction === "none" ? only(1) : all,
          gradients: [row(1, classes)],
        });
      }
    }
  }
});

Deno.test("attention passes NaN of a query, a key or a value on to all that looks at it", async () => {
  const [time, heads, width] = [21, 2, 4], inner = heads * width;
  const shape = [1, time, heads, width];
  /** Elements of head 0 at positions that satisfy `at`, and nothing of head 1. */
  const places = (at: (t: number) => boolean) => (i: number) =>
    i % inner < width && at(Math.floor(i / inner));
  /** At least these of head 0: a weight of 0 times NaN may spoil more, as in PyTorch. */
  const atLeast = (at: (t: number) => boolean) => (i: number) =>
    i % inner >= width ? false : at(Math.floor(i / inner)) || undefined;
  const place = 17, at = place * inner;
  const mask = gpu.tensor(new Int32Array(time).fill(1), [1, time]);
  const ways = [
    { causal: true },
    { keyLengths: [time] },
    { keyMask: mask },
    { causal: true, dropout: { p: 0.5, seed: 1 } },
  ];
  for (const [i, options] of ways.entries()) {
    const { causal } = options;
    const until = causal ? (t: number) => t <= place : all;
    const from = causal ? (t: number) => t >= place : all;
    const op = ([q, k, v]: Tensor[]) => attention(q, k, v, options);
    const shapes = [shape, shape, shape];
    // A spoilt query spoils its own result, and the gradients of all keys and values it looks at.
    await check(`query, way ${i}`, {
      ...{ shapes, op, at: [0, at], y: places((t) => t === place) },
      gradients: [places((t) => t === place), atLeast(until), atLeast(until)],
    });
    // A spoilt key spoils every query that looks at it, and a value the same.
    await check(`key, way ${i}`, {
      ...{ shapes, op, at: [1, at], y: places(from) },
      gradients: [atLeast(from), atLeast(all), atLeast(all)],
    });
    await check(`value, way ${i}`, {
      ...{
        shapes,
        op,
        at: [2, at],
        y: (i) => i % inner === 0 && from(Math.floor(i / inner)) || undefined,
      },
      gradients: [atLeast(from), atLeast(causal ? none : all), none],
    });
  }
  mask.dispose();
});

Deno.test("packed and differential attention pass NaN on", async () => {
  const [time, heads, width] = [5, 1, 4];
  const place = 3,
    rows = (test: (t: number) => boolean) => (i: number) => test(Math.floor(i / width));
  await check("packed", {
    shapes: [[1, time, 3 * width]],
    at: [0, place * 3 * width],
    op: ([qkv]) => attentionPacked(qkv, { heads, causal: true }),
    y: rows((t) => t === place),
    gradients: [(i) => {
      const t = Math.floor(i / (3 * width)), ofQuery = i % (3 * width) < width;
      return ofQuery ? t === place : t <= place || undefined;
    }],
  });
  const shape = [1, time, heads, width];
  for (const input of [0, 2]) {
    const until = (i: number) => i < (place + 1) * width || undefined;
    const own = rows((t) => t === place), either = () => undefined;
    const ofMaps = input === 0 ? [own, until, none, none] : [either, either, own, until];
    await check(`differential, input ${input}`, {
      shapes: [shape, shape, shape, shape, shape, [1]],
      at: [input, place * width],
      op: ([q1, k1, q2, k2, v, lambda]) =>
        diffAttention(q1, k1, q2, k2, v, lambda, { causal: true }),
      y: own,
      gradients: [...ofMaps, until, input === 0 ? none : all],
    });
  }
  await check("diffLambda", {
    shapes: [[4, 3]],
    at: [0, 1],
    op: ([vectors]) => diffLambda(vectors, 0.8),
    y: all,
    gradients: [(i) => i < 6],
  });
});

Deno.test("a score of minus infinity that is all a query sees is no result of 0", async () => {
  const shape = [1, 3, 1, 4];
  using q = gpu.full(shape, 1e30);
  using k = gpu.full(shape, -1e30);
  using v = gpu.full(shape, 1);
  for (const options of [{}, { causal: true }, { keyLengths: [2] }]) {
    using y = attention(q, k, v, options);
    assert((await y.read()).every(Number.isNaN), JSON.stringify(options));
  }
});
