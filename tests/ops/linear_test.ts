import { Gpu } from "../../lib/tensor/gpu.ts";
import { linear, matmul } from "../../lib/ops/mod.ts";
import { assertThrows } from "@std/assert";
import { assertClose, checkOp, numbers } from "./check_op.ts";

const gpu = await Gpu.open();

/** op(A) · op(B) in f64 for `batch` matrices. */
function multiply(
  a: Float64Array,
  b: Float64Array,
  [batch, m, n, k]: number[],
  { transposeA = false, transposeB = false } = {},
): Float64Array {
  const y = new Float64Array(batch * m * n), shared = b.length === k * n;
  for (let z = 0; z < batch; z++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) {
          sum += a[z * m * k + (transposeA ? l * m + i : i * k + l)] *
            b[(shared ? 0 : z * k * n) + (transposeB ? j * k + l : l * n + j)];
        }
        y[(z * m + i) * n + j] = sum;
      }
    }
  }
  return y;
}

Deno.test("matrix products in all orientations, batched and not, with gradients", async () => {
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      for (const [batch, m, n, k] of [[1, 5, 7, 9], [3, 8, 4, 12], [2, 33, 35, 10]]) {
        const options = { transposeA, transposeB };
        await checkOp(gpu, `matmul ${JSON.stringify([options, batch, m, n, k])}`, {
          shapes: [
            [batch, ...(transposeA ? [k, m] : [m, k])],
            [batch, ...(transposeB ? [n, k] : [k, n])],
          ],
          op: ([a, b]) => matmul(a, b, options),
          formula: ([a, b]) => multiply(a, b, [batch, m, n, k], options),
          probes: 8,
        });
      }
    }
  }
});

Deno.test("a matrix multiplies every matrix of a batch", () =>
  checkOp(gpu, "matmul with a shared matrix", {
    shapes: [[2, 3, 5, 6], [4, 6]],
    op: ([a, b]) => matmul(a, b, { transposeB: true }),
    formula: ([a, b]) => multiply(a, b, [6, 5, 4, 6], { transposeB: true }),
  }));

Deno.test("linear layers in both layouts, with bias, activation and residual", async () => {
  const activations = {
    none: (x: number) => x,
    relu: (x: number) => Math.max(x, 0),
    tanh: Math.tanh,
    gelu_tanh: (x: number) =>
      x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  };
  const variants = [
    ["out,in", "none", true],
    ["in,out", "none", false],
    ["in,out", "gelu_tanh", false],
    ["out,in", "relu", false],
    ["in,out", "tanh", true],
  ] as const;
  for (const [weightLayout, name, residual] of variants) {
    const f = activations[name];
    await checkOp(gpu, `linear ${weightLayout} ${name} ${residual}`, {
      shapes: [
        [2, 3, 10],
        weightLayout === "out,in" ? [7, 10] : [10, 7],
        [7],
        ...(residual ? [[2, 3, 7]] : []),
      ],
      op: ([x, w, b, r]) =>
        linear(x, w, b, {
          weightLayout,
          activation: name === "none" ? undefined : name,
          residual: r,
        }),
      formula: ([x, w, b, r]) =>
        multiply(x, w, [1, 6, 7, 10], { transposeB: weightLayout === "out,in" })
          .map((v, i) => f(v + b[i % 7]) + (r?.[i] ?? 0)),
      probes: 8,
    });
  }
});

Deno.test("linear gives the same without a tape, where all is fused", async () => {
  using x = gpu.tensor(numbers(30, 1), [3, 10], { requiresGrad: true });
  using w = gpu.tensor(numbers(80, 2), [8, 10]);
  using b = gpu.tensor(numbers(8, 3));
  using r = gpu.tensor(numbers(24, 4), [3, 8]);
  for (const activation of ["gelu", "gelu_tanh"] as const) {
    using taped = linear(x, w, b, { activation, residual: r });
    using _ = gpu.noGrad();
    using fused = linear(x, w, b, { activation, residual: r });
    const [a, c] = await gpu.read([taped, fused]);
    assertClose(a, c, activation, 1e-6, 1e-6);
  }
});

Deno.test("shapes that do not fit a product are named", () => {
  using a = gpu.zeros([2, 3]);
  using b = gpu.zeros([4, 5]);
  assertThrows(() => matmul(a, b), TypeError, "matmul(): a has the shape [2, 3] and b [4, 5]");
  assertThrows(() => linear(a, b), TypeError, "expected the last dimension 5");
});
