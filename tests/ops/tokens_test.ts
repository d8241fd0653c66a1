import { Gpu } from "../../lib/tensor/gpu.ts";
import {
  attentionPacked,
  crossEntropy,
  maskedMean,
  rotary,
  selectToken,
} from "../../lib/ops/mod.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { assertClose, checkOp, numbers } from "./check_op.ts";

const gpu = await Gpu.open();

/** Rotated pairs in f64; `places[b][t]` are the positions. */
function rotate(
  x: Float64Array,
  [batch, time, heads, width]: number[],
  interleaved: boolean,
  place: (b: number, t: number) => number,
): Float64Array {
  const y = x.slice(), half = width / 2;
  for (let row = 0; row < batch * time * heads; row++) {
    const token = Math.floor(row / heads);
    for (let i = 0; i < half; i++) {
      const angle = place(Math.floor(token / time), token % time) * 10_000 ** (-2 * i / width);
      const first = row * width + (interleaved ? 2 * i : i);
      const second = first + (interleaved ? 1 : half);
      y[first] = x[first] * Math.cos(angle) - x[second] * Math.sin(angle);
      y[second] = x[second] * Math.cos(angle) + x[first] * Math.sin(angle);
    }
  }
  return y;
}

Deno.test("ignoreIndex is a whole number of 32 bits", () => {
  using logits = gpu.zeros([2, 3]);
  using targets = gpu.tensor(Int32Array.of(2, 1));
  for (const ignoreIndex of [2.5, 2 ** 32 + 2, NaN]) {
    const message = `ignoreIndex is ${ignoreIndex}; expected a whole number of 32 bits`;
    assertThrows(() => crossEntropy(logits, targets, { ignoreIndex }), RangeError, message);
  }
});

Deno.test("rotary embeddings turn pairs, interleaved or half-split", async () => {
  const shape = [2, 5, 3, 6];
  using first = gpu.zeros([1, 1, 1, 6]);
  rotary(first).dispose(); // the table of angles stays in memory from now on
  for (const interleaved of [true, false]) {
    await checkOp(gpu, `rotary, interleaved ${interleaved}`, {
      shapes: [shape],
      op: ([x]) => rotary(x, { interleaved }),
      formula: ([x]) => rotate(x, shape, interleaved, (_, t) => t),
    });
    const places = Int32Array.of(3, 1, 4, 1, 5, 9, 2, 6, 5, 0);
    await checkOp(gpu, `rotary at given positions, interleaved ${interleaved}`, {
      shapes: [shape],
      op: ([x]) => {
        using positions = gpu.tensor(places, [2, 5]);
        return rotary(x, { interleaved, positions });
      },
      formula: ([x]) => rotate(x, shape, interleaved, (b, t) => places[b * 5 + t]),
    });
  }
  using odd = gpu.zeros([1, 1, 1, 3]);
  assertThrows(() => rotary(odd), TypeError, "expected an even last dimension");
});

Deno.test("a token, a base or a number of heads that makes no sense is named", () => {
  using _ = gpu.scope();
  const x = gpu.zeros([2, 3, 6]);
  const cases: [() => unknown, string][] = [
    [() => selectToken(x, 0.5), "index[0] is 0.5; expected a whole number"],
    [() => selectToken(x, [1, NaN]), "index[1] is NaN; expected a whole number"],
    [() => selectToken(x, 3), "index[0] is 3; expected 0 … 2"],
    [() => rotary(x.alias([1, 2, 3, 6]), { base: 0 }), "base is 0; expected a positive number"],
    ...[0, -1, 0.5, NaN].map((heads): [() => unknown, string] => [
      () => attentionPacked(x, { heads }),
      `heads is ${heads}; expected a whole number`,
    ]),
    [
      () =>
        crossEntropy(x.alias([6, 6]), gpu.tensor(new Int32Array(6)), {
          reduction: "average" as "mean",
        }),
      'reduction is "average"; expected "mean"',
    ],
  ];
  for (const [call, message] of cases) assertThrows(call, RangeError, message);
});

Deno.test("a chosen token stands for its sequence", async () => {
  const [batch, time, width] = [3, 4, 5];
  for (const index of [0, -1, [2, -1, 0]]) {
    await checkOp(gpu, `selectToken ${index}`, {
      shapes: [[batch, time, width]],
      op: ([x]) => selectToken(x, index),
      formula: ([x]) =>
        Float64Array.from({ length: batch * width }, (_, i) => {
          const b = Math.floor(i / width), t = typeof index === "number" ? index : index[b];
          return x[(b * time + (t + time) % time) * width + i % width];
        }),
    });
  }
  using x = gpu.zeros([3, 4, 5]);
  assertThrows(() => selectToken(x, 4), RangeError, "index[0] is 4; expected 0 … 3");
});

Deno.test("the masked mean leaves padding out", () => {
  const mask = Int32Array.of(1, 1, 0, 0, 0, 0, 0, 1, 1);
  return checkOp(gpu, "maskedMean", {
    shapes: [[3, 3, 4]],
    op: ([x]) => {
      using tokens = gpu.tensor(mask, [3, 3]);
      return maskedMean(x, tokens);
    },
    formula: ([x]) =>
      Float64Array.from({ length: 12 }, (_, i) => {
        const b = Math.floor(i / 4), times = [0, 1, 2].filter((t) => mask[b * 3 + t] === 1);
        const sum = times.reduce((sum, t) => sum + x[(b * 3 + t) * 4 + i % 4], 0);
        return sum / Math.max(1, times.length);
      }),
  });
});

/** Losses in f64. */
function losses(x: Float64Array, targets: Int32Array, classes: number): Float64Array {
  return Float64Array.from(targets, (target, n) => {
    const row = x.subarray(n * classes, (n + 1) * classes), most = Math.max(...row);
    const sum = row.reduce((sum, v) => sum + Math.exp(v - most), 0);
    return target === -100 ? 0 : most + Math.log(sum) - row[target];
  });
}

Deno.test("cross-entropy counts what is not ignored, in every reduction", async () => {
  for (const classes of [2, 15, 77]) {
    const targets = Int32Array.of(1, -100, 0, classes - 1, 1);
    for (const reduction of ["mean", "sum", "none"] as const) {
      await checkOp(gpu, `crossEntropy of ${classes} classes, ${reduction}`, {
        shapes: [[5, classes]],
        size: 5,
        op: ([x]) => {
          using chosen = gpu.tensor(targets);
          return crossEntropy(x, chosen, { reduction });
        },
        formula: ([x]) => {
          const each = losses(x, targets, classes), sum = each.reduce((a, b) => a + b);
          return reduction === "none" ? each : [reduction === "sum" ? sum : sum / 4];
        },
      });
    }
  }
});

Deno.test("a batch without targets has the loss 0 and no gradient; a wrong target is named", async () => {
  using x = gpu.tensor(numbers(6), [2, 3], { requiresGrad: true });
  using none = gpu.tensor(Int32Array.of(-100, -100));
  using loss = crossEntropy(x, none);
  loss.backward();
  assertEquals(await loss.item(), 0);
  assertClose(await x.grad!.read(), new Float64Array(6), "gradient", 0);
  using wrong = gpu.tensor(Int32Array.of(0, 3));
  assertThrows(() => crossEntropy(x, wrong), RangeError, "targets[1] is 3; expected 0 … 2 or -100");
});
