import { Gpu } from "../../lib/tensor/gpu.ts";
import { gelu, linear, relu, silu, swiglu, tanh } from "../../lib/ops/mod.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { checkOp } from "./check_op.ts";

const gpu = await Gpu.open();

/** erf by its series, to the last digit of f64 for |x| < 5. */
function erf(x: number): number {
  let term = x, sum = x;
  for (let n = 1; n < 200; n++) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

Deno.test("exact GELU follows the error function", () =>
  checkOp(gpu, "gelu", {
    shapes: [[7, 11]],
    size: 4,
    op: ([x]) => gelu(x),
    formula: ([x]) => x.map((x) => x / 2 * (1 + erf(x / Math.SQRT2))),
  }));

Deno.test("GELU by tanh is GPT-2's formula", () =>
  checkOp(gpu, "gelu_tanh", {
    shapes: [[301]],
    size: 6,
    op: ([x]) => gelu(x, { approximate: "tanh" }),
    formula: ([x]) =>
      x.map((x) => x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
  }));

Deno.test("SiLU, tanh and ReLU follow their formulas, also far out", async () => {
  await checkOp(gpu, "silu", {
    shapes: [[5, 13]],
    size: 30,
    op: ([x]) => silu(x),
    formula: ([x]) => x.map((x) => x * sigmoid(x)),
  });
  await checkOp(gpu, "tanh", {
    shapes: [[130]],
    size: 40,
    op: ([x]) => tanh(x),
    formula: ([x]) => x.map(Math.tanh),
  });
  await checkOp(gpu, "relu", {
    shapes: [[37]],
    op: ([x]) => relu(x),
    formula: ([x]) => x.map((x) => Math.max(x, 0)),
  });
});

Deno.test("SiLU of numbers far below zero is zero, and so is its gradient", async () => {
  using x = gpu.tensor([-1e38, -3e35, -90, 1e38], [4], { requiresGrad: true });
  using y = silu(x);
  y.backward(gpu.full([4], 1));
  assertEquals([...await y.read()].map((x) => x + 0), [0, 0, 0, Math.fround(1e38)]);
  assertEquals([...await x.grad!.read()].map((x) => x + 0), [0, 0, 0, 1]);
});

Deno.test("SwiGLU multiplies by the gate, and both get gradients", async () => {
  await checkOp(gpu, "swiglu", {
    shapes: [[3, 35], [3, 35]],
    size: 3,
    op: ([gate, up]) => swiglu(gate, up),
    formula: ([gate, up]) => gate.map((g, i) => g * sigmoid(g) * up[i]),
  });
  using a = gpu.zeros([2, 3]);
  using b = gpu.zeros([3, 2]);
  assertThrows(() => swiglu(a, b), TypeError, "up has the shape [3, 2]; expected [2, 3]");
});

Deno.test("a function that does not exist is named, and those that do", () => {
  using x = gpu.zeros([2, 2]);
  assertThrows(
    () => gelu(x, { approximate: "exact" as never }),
    RangeError,
    'gelu(): approximate is "exact"; expected "none" or "tanh".',
  );
  assertThrows(
    () => linear(x, x, undefined, { activation: "silu" as never }),
    RangeError,
    'linear(): activation is "silu"; expected "gelu", "gelu_tanh", "relu" or "tanh".',
  );
});
