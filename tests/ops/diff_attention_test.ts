import { Gpu } from "../../lib/tensor/gpu.ts";
import { attention, diffAttention } from "../../lib/ops/mod.ts";
import { assert, assertThrows } from "@std/assert";
import { attentionReference, type ReferenceProblem } from "./attention_reference.ts";
import { assertClose, checkOp, numbers } from "./check_op.ts";

const gpu = await Gpu.open();

function check(
  name: string,
  p: ReferenceProblem,
  options: Parameters<typeof diffAttention>[6] = {},
): Promise<void> {
  const q = [p.batch, p.timeQ, p.heads, p.widthQk], k = [p.batch, p.timeK, p.heads, p.widthQk];
  return checkOp(gpu, name, {
    shapes: [q, k, q, k, [p.batch, p.timeK, p.heads, p.widthV], [1]],
    size: 1.5,
    op: ([q1, k1, q2, k2, v, lambda]) => diffAttention(q1, k1, q2, k2, v, lambda, options),
    formula: ([q1, k1, q2, k2, v, lambda]) =>
      attentionReference([{ q: q1, k: k1, factor: 1 }, { q: q2, k: k2, factor: -lambda[0] }], v, p),
    probes: 6,
  });
}

Deno.test("differential attention follows its formula, with gradients of all its inputs", async () => {
  await check("plain", { batch: 2, timeQ: 21, timeK: 21, heads: 2, widthQk: 8, widthV: 24 });
});

Deno.test("differential attention with masks follows its formula", async () => {
  const sizes = { batch: 2, timeQ: 34, timeK: 34, heads: 1, widthQk: 3, widthV: 6 };
  const flags = Int32Array.from({ length: 68 }, (_, i) => i % 5 === 0 ? 0 : 1);
  using mask = gpu.tensor(flags, [2, 34]);
  const visible = (b: number, i: number, j: number) => j <= i && flags[b * 34 + j] === 1;
  await check("causal and mask", { ...sizes, visible }, { causal: true, mask });
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

Deno.test("a λ that is no single number is named", () => {
  using x = gpu.zeros([1, 2, 1, 4]);
  using lambda = gpu.zeros([2]);
  assertThrows(() => diffAttention(x, x, x, x, x, lambda), TypeError, "lambda has the shape [2]");
});
