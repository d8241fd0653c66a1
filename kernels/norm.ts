/**
 * Normalisation of rows: y = w ∘ x̂ + b, x̂ = (x − μ)·r, r = 1/√(mean((x − μ)²) + ε), with μ the mean
 * of the row (layer norm: Ba, Kiros, Hinton 2016) or 0 (RMS norm: Zhang, Sennrich 2019).
 *
 * Backward, with g = w ∘ dy: dx = r·(g − mean(g) − x̂·mean(g ∘ x̂)), without mean(g) when μ = 0;
 * dw = Σ_rows dy ∘ x̂, db = Σ_rows dy.
 *
 * Shapes: x, y [rows, D]; w, b [D]; stats [rows] holds (μ, r), all that is saved. A workgroup takes a
 * row and goes over it two or three times; only the first comes from device memory. The variance is
 * summed around the mean, as the difference of two sums would lose digits.
 * Bytes: 8 an element forward, 12 for dx. The gradients of w and b read x and dy again, by columns:
 * a workgroup takes 32 columns and a part of the rows, and column_sum.ts adds the parts in order.
 */
import { rowIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";
import { workgroupReduction } from "./reduce.ts";

/** Compile-time constants of the row kernels. */
export interface NormConstants {
  /** Whether the mean is subtracted. */
  center: boolean;
  weight: boolean;
  bias: boolean;
  /** Whether D is a multiple of four. */
  vector: boolean;
  /** Threads of a workgroup. */
  width: number;
}

/** Sum of the components of an element. */
const across = (vector: boolean, x: string) => vector ? `dot(${x}, vec4f(1.0))` : x;

export const norm = defineKernel(
  "norm",
  ({ center, weight, bias, vector, width }: NormConstants) => {
    const element = vector ? "vec4f" : "f32";
    return {
      bindings: {
        x: `read array<${element}>` as const,
        ...(weight ? { w: `read array<${element}>` as const } : {}),
        ...(bias ? { b: `read array<${element}>` as const } : {}),
        y: `write array<${element}>` as const,
        stats: "write array<vec2f>" as const,
      },
      params: { rows: "u32", elements: "u32", count: "f32", eps: "f32" },
      workgroup: [width, 1, 1],
      code: wgsl`
${workgroupReduction("sum", width)}
@compute @workgroup_size(${width})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${rowIndex()}
  if (row >= params.rows) { return; }
  let first = row * params.elements;
  var mean = 0.0;
  var part = ${element}(0.0);
  ${
        center
          ? wgsl`
  for (var i = lane; i < params.elements; i += ${width}u) { part += x[first + i]; }
  mean = sum(${across(vector, "part")}, lane) / params.count;
  part = ${element}(0.0);`
          : ""
      }
  for (var i = lane; i < params.elements; i += ${width}u) {
    let d = x[first + i] - mean;
    part += d * d;
  }
  let r = 1.0 / sqrt(sum(${across(vector, "part")}, lane) / params.count + params.eps);
  for (var i = lane; i < params.elements; i += ${width}u) {
    y[first + i] = (x[first + i] - mean) * r${weight ? " * w[i]" : ""}${bias ? " + b[i]" : ""};
  }
  if (lane == 0u) { stats[row] = vec2f(mean, r); }
}`,
    };
  },
);

/** dx, or dx added to what is there. */
export const normGradient = defineKernel(
  "norm_gradient",
  (
    { center, weight, vector, width, accumulate }: Omit<NormConstants, "bias"> & {
      accumulate: boolean;
    },
  ) => {
    const element = vector ? "vec4f" : "f32";
    return {
      bindings: {
        x: `read array<${element}>` as const,
        ...(weight ? { w: `read array<${element}>` as const } : {}),
        stats: "read array<vec2f>" as const,
        dy: `read array<${element}>` as const,
        dx: `write array<${element}>` as const,
      },
      params: { rows: "u32", elements: "u32", count: "f32" },
      workgroup: [width, 1, 1],
      code: wgsl`
${workgroupReduction("sum", width)}
@compute @workgroup_size(${width})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${rowIndex()}
  if (row >= params.rows) { return; }
  let first = row * params.elements;
  let mean = stats[row].x;
  let r = stats[row].y;
  var part_g = ${element}(0.0);
  var part_gx = ${element}(0.0);
  for (var i = lane; i < params.elements; i += ${width}u) {
    let g = dy[first + i]${weight ? " * w[i]" : ""};
    part_g += g;
    part_gx += g * (x[first + i] - mean);
  }
  let mean_gx = sum(${across(vector, "part_gx")}, lane) * r / params.count;
  ${center ? `let mean_g = sum(${across(vector, "part_g")}, lane) / params.count;` : ""}
  for (var i = lane; i < params.elements; i += ${width}u) {
    let g = dy[first + i]${weight ? " * w[i]" : ""};
    let normal = (x[first + i] - mean) * r;
    dx[first + i] ${accumulate ? "+=" : "="} r * (g - ${center ? "mean_g - " : ""}normal * mean_gx);
  }
}`,
    };
  },
);

/** Parts of dw and db: sums over a part of the rows. */
export const normParameterGradient = defineKernel(
  "norm_parameter_gradient",
  ({ bias }: { bias: boolean }) => ({
    bindings: {
      x: "read array<f32>" as const,
      stats: "read array<vec2f>" as const,
      dy: "read array<f32>" as const,
      dw: "write array<f32>" as const,
      ...(bias ? { db: "write array<f32>" as const } : {}),
    },
    params: { rows: "u32", columns: "u32", rows_of_part: "u32" },
    workgroup: [32, 8, 1],
    tile: { columns: 32 },
    code: wgsl`
var<workgroup> sums: array<array<vec2f, 32>, 8>;
@compute @workgroup_size(32, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let column = group.x * 32u + local.x;
  let first = group.y * params.rows_of_part;
  let end = min(first + params.rows_of_part, params.rows);
  var sum = vec2f(0.0);
  if (column < params.columns) {
    for (var row = first + local.y; row < end; row += 8u) {
      let at = row * params.columns + column;
      sum += dy[at] * vec2f((x[at] - stats[row].x) * stats[row].y, 1.0);
    }
  }
  sums[local.y][local.x] = sum;
  workgroupBarrier();
  if (local.y == 0u && column < params.columns) {
    for (var i = 1u; i < 8u; i++) { sum += sums[i][local.x]; }
    dw[group.y * params.columns + column] = sum.x;
    ${bias ? "db[group.y * params.columns + column] = sum.y;" : ""}
  }
}`,
  }),
);
