import { Gpu } from "../../lib/tensor/gpu.ts";
import { add, mean, mul, reshape, scale, sum } from "../../lib/ops/mod.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { checkOp, numbers } from "./check_op.ts";

const gpu = await Gpu.open();

Deno.test("a sum of tensors broadcasts over leading dimensions", async () => {
  for (const [a, b] of [[[3, 5, 7], [3, 5, 7]], [[3, 5, 8], [8]], [[3, 5, 7], [5, 7]], [[9], []]]) {
    await checkOp(gpu, `add ${JSON.stringify([a, b])}`, {
      shapes: [a, b],
      op: ([a, b]) => add(a, b),
      formula: ([a, b]) => a.map((x, i) => x + b[i % b.length]),
    });
  }
  await checkOp(gpu, "add with many rows", {
    shapes: [[700, 3], [3]],
    op: ([a, b]) => add(a, b),
    formula: ([a, b]) => a.map((x, i) => x + b[i % 3]),
  });
});

Deno.test("a product of tensors broadcasts over leading dimensions", async () => {
  for (const [a, b] of [[[4, 5], [4, 5]], [[3, 8], [8]], [[2, 3, 5], [3, 5]], [[6], []]]) {
    await checkOp(gpu, `mul ${JSON.stringify([a, b])}`, {
      shapes: [a, b],
      op: ([a, b]) => mul(a, b),
      formula: ([a, b]) => a.map((x, i) => x * b[i % b.length]),
    });
  }
});

Deno.test("a tensor that is used several times gets the sum of its gradients", () =>
  checkOp(gpu, "add(x·y, x) + (x + y)", {
    shapes: [[13], [13]],
    op: ([x, y]) => add(add(mul(x, y), x), mul(add(x, y), add(x, x))),
    formula: ([x, y]) => x.map((x, i) => x * y[i] + x + (x + y[i]) * 2 * x),
  }));

Deno.test("leaves never share the memory of their gradients", async () => {
  using a = gpu.tensor([1, 2], [2], { requiresGrad: true });
  using b = gpu.tensor([3, 4], [2], { requiresGrad: true });
  using loss = sum(add(a, b));
  loss.backward();
  gpu.clear(a.grad!);
  assertEquals([...await b.grad!.read()], [1, 1]);
});

Deno.test("scale, reshape, sum and mean", async () => {
  await checkOp(gpu, "scale", {
    shapes: [[3, 7]],
    op: ([x]) => scale(x, -2.5),
    formula: ([x]) => x.map((x) => -2.5 * x),
  });
  await checkOp(gpu, "reshape", {
    shapes: [[3, 8]],
    op: ([x]) => mul(reshape(x, [2, -1]), reshape(x, [2, 12])),
    formula: ([x]) => x.map((x) => x * x),
  });
  for (const length of [1, 300, 9001]) {
    const total = (x: Float64Array) => x.reduce((a, b) => a + b, 0);
    await checkOp(gpu, `sum of ${length}`, {
      shapes: [[length]],
      op: ([x]) => sum(x),
      formula: ([x]) => [total(x)],
    });
    await checkOp(gpu, `mean of ${length}`, {
      shapes: [[length]],
      op: ([x]) => mean(x),
      formula: ([x]) => [total(x) / length],
    });
  }
});

Deno.test("shapes that do not fit are named", () => {
  using a = gpu.tensor(numbers(6), [2, 3]);
  using b = gpu.tensor(numbers(2), [2]);
  assertThrows(() => add(a, b), TypeError, "add(): b has the shape [2]");
  assertThrows(() => mul(b, a), TypeError, "mul(): b has the shape [2, 3]");
  assertThrows(() => reshape(a, [4, -1]), TypeError, "do not fit [4, -1]");
  assertThrows(() => scale(a, NaN), RangeError, "factor is NaN");
});
