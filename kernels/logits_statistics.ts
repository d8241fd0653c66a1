/**
 * Log-sum-exp and loss of every row of stored logits: the naive and the chunked way.
 *
 * Shapes: logits [rows, stride], of which V columns count. One workgroup a row: each of its 256
 * threads keeps a running maximum and sum of every 256th quad of columns, then they are merged in a tree.
 * What they come to is said in token_loss.ts. Bytes: 4·V read a row.
 */
import { rowIndex } from "./grid.ts";
import { defineKernel, unroll, wgsl } from "./kernel.ts";
import {
  TOKEN_LOSS_PARAMS,
  tokenLoss,
  tokenLossBindings,
  type TokenLossConstants,
} from "./token_loss.ts";

/** Quads that a thread loads at a time. */
const AT_ONCE = 4;

export const logitsStatistics = defineKernel("logits_statistics", (c: TokenLossConstants) => ({
  bindings: {
    logits: "read array<vec4f>",
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
  },
  workgroup: [256, 1, 1],
  code: wgsl`
var<workgroup> maxima: array<f32, 256>;
var<workgroup> sums: array<f32, 256>;
${c.smoothed ? "var<workgroup> totals: array<f32, 256>;" : ""}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  if (row >= params.rowCount) { return; }
  let base = row * params.stride / 4u;
  let last = (params.columns - 1u) / 4u;
  var m = -3.0e38;
  var sum = vec4f(0.0);
  ${c.smoothed ? "var total = 0.0;" : ""}
  for (var first = lid; first * 4u < params.columns; first += ${256 * AT_ONCE}u) {
    // All on their way before the first is used.
    ${
    unroll(AT_ONCE, (i) =>
      `let quad${i} = first + ${
        256 * i
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
  for (var half = 128u; half > 0u; half >>= 1u) {
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
  }
}`,
}));
