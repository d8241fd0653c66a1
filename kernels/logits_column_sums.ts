/**
 * y[column] (+)= Σ_row x[row, column] over a block of logits gradients, rows times their `scales` if there are
 * any: the gradient of the bias.
 *
 * One invocation a column, rows in order. Bytes: 4 read an element, neighbours together.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const logitsColumnSums = defineKernel(
  "logits_column_sums",
  ({ accumulate, scaled }: { accumulate: boolean; scaled: boolean }) => ({
    bindings: {
      x: "read array<f32>",
      y: "write array<f32>",
      ...(scaled ? { scales: "read array<f32>" as const } : {}),
    },
    params: { rowCount: "u32", columns: "u32", stride: "u32", firstColumn: "u32" },
    workgroup: [64, 1, 1],
    code: wgsl`
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(64)}
  if (i >= params.columns) { return; }
  var sum = 0.0;
  for (var row = 0u; row < params.rowCount; row++) { sum += ${
      scaled ? "scales[row] * " : ""
    }x[row * params.stride + i]; }
  y[params.firstColumn + i] ${accumulate ? "+=" : "="} sum;
}`,
  }),
);
