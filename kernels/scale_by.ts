/**
 * y[i] *= factor[0], in place, with a factor that only the device knows.
 *
 * Bytes: 8 an element, but none if the factor is 1, as it is where `backward()` begins. One invocation
 * 64 elements: in most cases there is nothing to do, which few workgroups have soon found out.
 */
import { rowGrid, rowIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

/** Threads of a workgroup, and elements of each. */
const THREADS = 256, EACH = 64;

export const scaleBy = defineKernel("scale_by", () => ({
  bindings: { y: "write array<f32>", factor: "read array<f32>" },
  params: { count: "u32" },
  workgroup: [THREADS, 1, 1],
  code: wgsl`
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  let factor_value = factor[0];
  if (factor_value == 1.0) { return; }
  for (var j = 0u; j < ${EACH}u; j++) {
    let i = (row * ${EACH}u + j) * ${THREADS}u + lid;
    if (i < params.count) { y[i] *= factor_value; }
  }
}`,
}));

/** The grid for so many elements. */
export function scaleByGrid(count: number): [number, number] {
  return rowGrid(Math.ceil(count / (THREADS * EACH)));
}
