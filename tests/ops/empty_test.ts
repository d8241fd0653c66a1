/** Tensors without elements: operations give what is left, and gradients of zero. */
import { Gpu } from "../../lib/tensor/gpu.ts";
import * as ops from "../../lib/ops/mod.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { assertEquals, assertThrows } from "@std/assert";

const gpu = await Gpu.open();

/** Shapes of inputs, whose elements are all 2; and what an operation gives, all of it `value`. */
type Case = [
  shapes: number[][],
  op: (x: Tensor, y: Tensor, z: Tensor) => Tensor,
  shape: number[],
  value?: number,
];

const CASES: Record<string, Case> = {
  "add, no rows": [[[0, 3], [3]], ops.add, [0, 3]],
  "add, no columns": [[[3, 0], [0]], ops.add, [3, 0]],
  "mul, no rows": [[[0, 3], [3]], ops.mul, [0, 3]],
  "mul, no columns": [[[3, 0], [0]], ops.mul, [3, 0]],
  "scale": [[[0]], (x) => ops.scale(x, 2), [0]],
  "gelu": [[[2, 0]], (x) => ops.gelu(x), [2, 0]],
  "swiglu": [[[0, 4], [0, 4]], ops.swiglu, [0, 4]],
  "dropout": [[[0]], (x) => ops.dropout(x, 0.5, { seed: 1, offset: 0 }), [0]],
  "reshape": [[[0, 3]], (x) => ops.reshape(x, [3, 0]), [3, 0]],
  "matmul, no rows": [[[0, 2], [2, 2]], (a, b) => ops.matmul(a, b), [0, 2]],
  "matmul, nothing to add up": [[[2, 0], [0, 3]], (a, b) => ops.matmul(a, b), [2, 3], 0],
  "matmul, no matrices": [[[0, 1, 2], [0, 2, 2]], (a, b) => ops.matmul(a, b), [0, 1, 2]],
  "linear, no rows": [[[0, 3], [2, 3], [2]], ops.linear, [0, 2]],
  "linear, no outputs": [[[1, 2], [0, 2]], ops.linear, [1, 0]],
  "linear, no inputs": [[[2, 0], [3, 0], [3]], ops.linear, [2, 3], 2],
  "rotary": [[[1, 0, 2, 4]], (x) => ops.rotary(x), [1, 0, 2, 4]],
  "selectToken": [[[0, 2, 3]], (x) => ops.selectToken(x, 0), [0, 3]],
  "sum": [[[0, 7]], ops.sum, [], 0],
};

for (const [name, [shapes, op, shape, value = NaN]] of Object.entries(CASES)) {
  Deno.test(`an empty tensor goes through ${name}, and its gradient comes back`, async () => {
    using _ = gpu.scope();
    const inputs = shapes.map((shape) => gpu.full(shape, 2, { requiresGrad: true }).keep());
    const [a, b, c] = inputs;
    const y = op(a, b, c).keep();
    y.backward(gpu.full(shape, 1));
    const [values, ...gradients] = await gpu.read([y, ...inputs.map(({ grad }) => grad!)]);
    assertEquals(y.shape, shape);
    assertEquals([...values], [...values].fill(value));
    // Gradients have their inputs' shapes; where y has no elements they are zero.
    assertEquals(gradients.map(({ length }) => length), inputs.map(({ size }) => size));
    if (y.size === 0) assertEquals(gradients.flatMap((g) => [...g]).filter((x) => x !== 0), []);
    for (const tensor of [y, ...inputs]) tensor.dispose();
  });
}

Deno.test("what needs elements refuses to go without, and the device goes on", async () => {
  using none = gpu.zeros([0, 4]);
  assertThrows(() => ops.mean(none), RangeError, "mean(): x has no elements");
  assertThrows(() => ops.layerNorm(none, gpu.full([4], 1), gpu.zeros([4])), TypeError, "[0, 4]");
  assertThrows(
    () => ops.crossEntropy(none, gpu.tensor(new Int32Array(0), [0])),
    TypeError,
    "[0, 4]",
  );
  assertEquals(await gpu.full([], 3).item(), 3);
});

Deno.test("tensors of two devices are refused by name", async () => {
  using other = await Gpu.open();
  using a = gpu.zeros([3]), b = other.zeros([3]);
  assertThrows(() => ops.add(a, b), TypeError, "add(): b is a tensor of another Gpu");
});
