/**
 * Log-sum-exp and loss of every row of stored logits: the naive way, and the chunked one where exponentials do
 * not do (exponentials.ts).
 *
 * Shapes: logits [rows, stride], of which V columns count. One workgroup a row: each of its threads keeps
 * a running maximum and sum of every `threads`th quad of columns, then they are merged in a tree. What they
 * come to is said in token_loss.ts. Bytes: 4·V read a row.
 *
 * With `gradient` the logits then become their gradient for an upstream gradient of 1, in place, as in
 * logits_gradient.ts: 4·V more read, and 4·V written. Rows held in registers in between are no faster.
 */
import { rowIndex } from "./grid.ts";
import { defineKernel, unroll, wgsl } from "./kernel.ts";
import { gradientOfLogits } from "./logits_gradient.ts";
import { COEFFICIENTS } from "./loss_coefficients.ts";
import {
  TOKEN_LOSS_PARAMS,
  tokenLoss,
  tokenLossBindings,
  type TokenLossConstants,
} from "./token_loss.ts";

/** Quads that a thread loads at a time. */
const AT_ONCE = 4;

/** Compile-time constants of {@linkcode logitsStatistics}. */
export interface LogitsStatisticsConstants extends TokenLossConstants {
  /** Threads of a workgroup: a power of two. */
  threads: number;
  /** Whether, and how, logits become their gradient. */
  gradient: "none" | "plain" | "softcap";
}

export const logitsStatistics = defineKernel("logits_statistics", (
  { threads, gradient, ...c }: LogitsStatisticsConstants,
) => ({
  bindings: {
    logits: `${gradient === "none" ? "read" : "write"} array<vec4f>` as const,
    targets: "read array<u32>",
    ...tokenLossBindings(c),
  },
  params: {
    rowCount: "u32",
    /** Place of the first row among all rows whose target counts. */
    first: "u32",
    columns: "u32",
    stride: "u32",
    ...TOKEN_LOSS_PARAMS,
    ...(gradient === "none" ? {} : { factor: "f32" as const }),
    ...(gradient === "softcap" ? { softcap: "f32" as const } : {}),
  },
  workgroup: [threads, 1, 1],
  code: wgsl`
var<workgroup> maxima: array<f32, ${threads}>;
var<workgroup> sums: array<f32, ${threads}>;
${c.smoothed ? `var<workgroup> totals: array<f32, ${threads}>;` : ""}
${gradient === "none" ? "" : `var<workgroup> coefficients: vec4f;\n${COEFFICIENTS}`}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  if (row >= params.rowCount) { return; }
  let base = row * params.stride / 4u;
  let last = (params.columns - 1u) / 4u;
  var m = -3.0e38;
  var sum = vec4f(0.0);
  ${c.smoothed ? "var total = 0.0;" : ""}
  for (var first = lid; first * 4u < params.columns; first += ${threads * AT_ONCE}u) {
    // All on their way before the first is used.
    ${
    unroll(AT_ONCE, (i) =>
      `let quad${i} = first + ${
        threads * i
      }u; let inside${i} = quad${i} * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(params.columns); let z${i} = select(vec4f(-3.0e38), max(logits[base + min(quad${i}, last)], vec4f(-3.0e38)), inside${i});`)
  }
    ${
    unroll(AT_ONCE, (i) =>
      `{ let largest = max(max(z${i}.x, z${i}.y), max(z${i}.z, z${i}.w)); if (largest > m) { sum *= exp(m - largest); m = largest; } sum += exp(z${i} - m); ${
        c.smoothed ? `total += dot(select(vec4f(0.0), z${i}, inside${i}), vec4f(1.0));` : ""
      } }`)
  }
  }
  maxima[lid] = m;
  sums[lid] = dot(sum, vec4f(1.0));
  ${c.smoothed ? "totals[lid] = total;" : ""}
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half >>= 1u) {
    if (lid < half) {
      let larger = max(maxima[lid], maxima[lid + half]);
      sums[lid] = sums[lid] * exp(maxima[lid] - larger) + sums[lid + half] * exp(maxima[lid + half] - larger);
      maxima[lid] = larger;
      ${c.smoothed ? "totals[lid] += totals[lid + half];" : ""}
    }
    workgroupBarrier();
  }
  if (lid == 0u) {
    let i = params.first + row;
    let t = targets[i];
    let m = maxima[0];
    let sum = sums[0];
    ${c.smoothed ? "let total = totals[0];" : ""}
    let z = max(logits[base + t / 4u][t % 4u], -3.0e38);
    ${tokenLoss(c)}
    ${
    gradient === "none"
      ? ""
      : `coefficients = coefficients_of(value, params.factor${
        c.weighted ? " * weights[i]" : ""
      }, 0.0);`
  }
  }
  ${gradient === "none" ? "" : becomeGradient(threads, gradient === "softcap")}
}`,
}));

/** WGSL that writes the gradient of a row, each quad by the thread that has read it before. */
function becomeGradient(threads: number, softcap: boolean): string {
  return wgsl`storageBarrier();
  workgroupBarrier();
  let k = coefficients;
  let target_entry = targets[params.first + row];
  for (var first = lid; first < params.stride / 4u; first += ${threads * AT_ONCE}u) {
    ${unroll(AT_ONCE, (i) => `let z${i} = logits[base + min(first + ${threads * i}u, last)];`)}
    ${
    unroll(AT_ONCE, (i) =>
      wgsl`{
      let quad = first + ${threads * i}u;
      let entry = quad * 4u + vec4u(0u, 1u, 2u, 3u);
      let z = z${i};
      ${gradientOfLogits(softcap)}
      if (quad < params.stride / 4u) {
        logits[base + quad] = select(vec4f(0.0), dz, entry < vec4u(params.columns));
      }
    }`)
  }
  }`;
}
