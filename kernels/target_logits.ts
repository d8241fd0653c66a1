/**
 * The logit of each row's target, softcap(e_i · c_target + bias_target), where it lies in this shard
 * of C; −3e38 where it is not finite. One workgroup a row. E and C may be f16 (`half`). Bytes: 8·D read
 * a row, or 4·D.
 *
 * Summed in another order than in cut_forward.ts, so it is good as a reference point for bounds, but
 * not for the loss, whose two terms must come from the same arithmetic.
 */
import { rowIndex } from "./grid.ts";
import { TANH4 } from "./activation.ts";
import { defineKernel, unroll, wgsl } from "./kernel.ts";
import { NOT_FINITE } from "./not_finite.ts";
import { arrayOf } from "./tile.ts";

/** Products that a thread has on their way at a time. */
const AT_ONCE = 4;

export const targetLogits = defineKernel(
  "target_logits",
  ({ bias, half }: { bias: boolean; half?: boolean }) => ({
    bindings: {
      e: `read ${arrayOf(false, half)}` as const,
      c: `read ${arrayOf(false, half)}` as const,
      rows: "read array<u32>",
      targets: "read array<u32>",
      y: "write array<f32>",
      ...(bias ? { bias: "read array<f32>" as const } : {}),
    },
    params: { rowCount: "u32", d: "u32", first: "u32", columns: "u32", softcap: "f32" },
    workgroup: [64, 1, 1],
    f16: half,
    code: wgsl`
${TANH4}${NOT_FINITE}
var<workgroup> sums: array<f32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  if (row >= params.rowCount) { return; }
  let target_column = targets[row] - params.first;
  if (target_column >= params.columns) { return; }
  var sum = 0.0;
  let e_at = rows[row] * params.d;
  let c_at = target_column * params.d;
  for (var k = lid; k < params.d; k += ${64 * AT_ONCE}u) {
    ${
      unroll(AT_ONCE, (n) =>
        `let k${n} = min(k + ${
          64 * n
        }u, params.d - 1u); let p${n} = f32(e[e_at + k${n}]) * f32(c[c_at + k${n}]);`)
    }
    ${unroll(AT_ONCE, (n) => `sum += select(0.0, p${n}, k + ${64 * n}u < params.d);`)}
  }
  sums[lid] = sum;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (lid < half) { sums[lid] += sums[lid + half]; }
    workgroupBarrier();
  }
  if (lid == 0u) {
    var z = sums[0]${bias ? " + bias[targets[row]]" : ""};
    if (params.softcap > 0.0) { z = params.softcap * tanh4(vec4f(z / params.softcap)).x; }
    y[row] = select(max(z, -3.0e38), -3.0e38, not_finite(z));
  }
}`,
  }),
);
