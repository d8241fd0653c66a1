/** What callers in plain JavaScript may pass, which no type check has seen. */
import { assertThrows } from "@std/assert";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import * as ops from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

const gpu = await Gpu.open();

Deno.test("what is no tensor is named, with what it is", async () => {
  using x = gpu.zeros([1, 2, 1, 4]), logits = gpu.zeros([2, 4]), table = gpu.zeros([4, 4]);
  const ids = Int32Array.of(0, 1), made = ", which gpu.tensor() makes of it.";
  // deno-lint-ignore no-explicit-any
  const any = (value: unknown): any => value;
  const wrong: [() => unknown, string][] = [
    [() => ops.add(x, any(1)), "add(): b is 1; expected a Tensor."],
    [() => ops.add(any(undefined), x), "add(): a is undefined; expected a Tensor."],
    [() => ops.mul(x, any("a")), 'mul(): b is "a"; expected a Tensor.'],
    [() => ops.scale(any([1, 2]), 2), `scale(): x is an Array; expected a Tensor${made}`],
    [() => ops.sum(any({})), "sum(): x is an Object; expected a Tensor."],
    [
      () => ops.diffAttention(x, x, x, x, x, any(0.5)),
      "diffAttention(): lambda is 0.5; expected a Tensor.",
    ],
    [
      () => ops.crossEntropy(logits, any(ids)),
      `crossEntropy(): targets is an Int32Array; expected a Tensor${made}`,
    ],
    [
      () => ops.embedding(any(ids), table),
      `embedding(): ids is an Int32Array; expected a Tensor${made}`,
    ],
    [
      () => ops.attention(x, x, x, { keyMask: any([1, 1]) }),
      `attention(): keyMask is an Array; expected a Tensor${made}`,
    ],
    [
      () => ops.linear(logits, table, any(1)),
      "linear(): bias is 1; expected a Tensor.",
    ],
    [
      () => ops.layerNorm(logits, table, any(null)),
      "layerNorm(): bias is null; expected a Tensor.",
    ],
  ];
  for (const [call, message] of wrong) assertThrows(call, TypeError, message);
  // Only those that are optional may be missing.
  ops.linear(logits, table, undefined, { residual: undefined }).dispose();
  await gpu.sync();
});

Deno.test("an option that there is not is refused, and those that there are named", () => {
  using x = gpu.zeros([1, 2, 1, 4]), qkv = gpu.zeros([1, 2, 12]), lambda = gpu.zeros([1]);
  using table = gpu.zeros([2, 4]), mask = gpu.tensor(Int32Array.of(1, 0), [1, 2]);
  // Each has a name that another operation knows.
  const mistaken = { mask, keyMask: mask, heads: 1, reduce: "sum" };
  const { keyMask, heads, reduce } = mistaken;
  const known = "causal, keyLengths, keyMask, scale, dropout";
  const wrong: [() => unknown, string][] = [
    [
      () => ops.attention(x, x, x, { mask } as object),
      `attention(): there is no option "mask"; expected some of ${known}.`,
    ],
    [
      () => ops.attention(x, x, x, { heads } as object),
      `attention(): there is no option "heads"; expected some of ${known}.`,
    ],
    [
      () => ops.attentionPacked(qkv, { heads, ...{ mask } }),
      `attentionPacked(): there is no option "mask"; expected some of heads, ${known}.`,
    ],
    [
      () => ops.diffAttention(x, x, x, x, x, lambda, { keyMask } as object),
      'diffAttention(): there is no option "keyMask"; expected some of causal, keyLengths, mask, ' +
      "scale.",
    ],
    [
      () => linearCrossEntropy(table, table, Int32Array.of(0, 1), { reduce } as object),
      'linearCrossEntropy(): there is no option "reduce"; expected some of impl, bias, ignoreIndex, ' +
      "softcap, shift, reduction, filterEps, labelSmoothing, zLoss, weight, returnLse, " +
      "returnAccuracy, scratchBytes.",
    ],
  ];
  for (const [call, message] of wrong) assertThrows(call, TypeError, message);
});
