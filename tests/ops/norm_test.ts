import { Gpu } from "../../lib/tensor/gpu.ts";
import { layerNorm, rmsNorm } from "../../lib/ops/mod.ts";
import { assertThrows } from "@std/assert";
import { checkOp } from "./check_op.ts";

const gpu = await Gpu.open();

/** Normalised rows in f64. */
function rows(x: Float64Array, width: number, center: boolean, eps: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += width) {
    const row = x.subarray(at, at + width);
    const mean = center ? row.reduce((a, b) => a + b, 0) / width : 0;
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width;
    for (let i = 0; i < width; i++) y[at + i] = (row[i] - mean) / Math.sqrt(variance + eps);
  }
  return y;
}

Deno.test("layer norm follows its formula for rows of any length", async () => {
  for (const [n, d] of [[3, 5], [4, 8], [1, 1], [2, 300], [270, 12], [2, 1100]]) {
    await checkOp(gpu, `layerNorm [${n}, ${d}]`, {
      shapes: [[1, n, d], [d], [d]],
      op: ([x, w, b]) => layerNorm(x, w, b, { eps: 1e-3 }),
      formula: ([x, w, b]) => rows(x, d, true, 1e-3).map((v, i) => v * w[i % d] + b[i % d]),
      absolute: 3e-5,
      probes: n * d > 2000 ? 5 : 12,
    });
  }
});

Deno.test("RMS norm follows its formula, with weights and without", async () => {
  for (const [n, d] of [[3, 5], [5, 64], [260, 4]]) {
    await checkOp(gpu, `rmsNorm [${n}, ${d}]`, {
      shapes: [[n, d], [d]],
      op: ([x, w]) => rmsNorm(x, w),
      formula: ([x, w]) => rows(x, d, false, 1e-5).map((v, i) => v * w[i % d]),
      absolute: 3e-5,
    });
    await checkOp(gpu, `rmsNorm [${n}, ${d}] without weights`, {
      shapes: [[n, d]],
      op: ([x]) => rmsNorm(x, undefined),
      formula: ([x]) => rows(x, d, false, 1e-5),
      absolute: 3e-5,
    });
  }
});

Deno.test("a weight of the wrong length is named", () => {
  using x = gpu.zeros([2, 3]);
  using w = gpu.zeros([4]);
  assertThrows(() => layerNorm(x, w, w), TypeError, "layerNorm(): weight has the shape [4]");
});
