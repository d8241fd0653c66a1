/**
 * Sums and maxima over a workgroup, in the same order on every adapter.
 *
 * Two steps of eight instead of a tree of log₂(width): every thread leaves its value, the first
 * width/8 threads combine eight each, then everybody combines those. Three barriers in all.
 * Subgroup operations would be quicker, but their result would depend on the subgroup's size.
 */
import { wgsl } from "./kernel.ts";

/**
 * WGSL of `fn {name}(x: f32, lane: u32) -> f32`, which must be called by all `width` threads and
 * gives all of them the same result.
 *
 * @param width threads of the workgroup: 64 or less in multiples of 8, or a multiple of 64.
 */
export function workgroupReduction(
  name: string,
  width: number,
  operation: "sum" | "max" = "sum",
): string {
  const [initial, combine] = operation === "sum"
    ? ["0.0", (a: string, b: string) => `${a} + ${b}`]
    : ["-3.4e38", (a: string, b: string) => `max(${a}, ${b})`];
  return wgsl`
var<workgroup> ${name}_values: array<f32, ${width}>;
var<workgroup> ${name}_parts: array<f32, ${width / 8}>;
fn ${name}(x: f32, lane: u32) -> f32 {
  ${name}_values[lane] = x;
  workgroupBarrier();
  if (lane < ${width / 8}u) {
    var part = ${initial};
    for (var i = 0u; i < 8u; i++) {
      part = ${combine("part", `${name}_values[lane + i * ${width / 8}u]`)};
    }
    ${name}_parts[lane] = part;
  }
  workgroupBarrier();
  var all = ${initial};
  for (var i = 0u; i < ${width / 8}u; i++) { all = ${combine("all", `${name}_parts[i]`)}; }
  return all;
}`;
}
