/**
 * WGSL that finds what is infinite or no number, by its bits: compilers may assume that there are no
 * such values and take `x != x` for false, and a maximum may drop them.
 */

/** `no_number4(x)`: which of four are NaN. */
export const NO_NUMBER4 = `
fn no_number4(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}`;

/** `not_finite(x)`: whether a number is infinite or NaN. */
export const NOT_FINITE = `
fn not_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u; }`;

/**
 * `overflowed(x)`: which of four sums are infinite or NaN; and `spoilt(bias)`: the same of biases, but
 * for −∞, which takes an entry out on purpose.
 */
export const OVERFLOWED = `
fn overflowed(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}
fn spoilt(bias: vec4f) -> vec4<bool> {
  return overflowed(bias) & (bitcast<vec4u>(bias) != vec4u(0xff800000u));
}`;
