/**
 * Random bits from a counter: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers:
 * as easy as 1, 2, 3", SC 2011).
 *
 * A key and a counter of four u32 give four u32 of random bits, the same on every device because
 * only whole numbers are involved. WGSL has no high word of a product, so it is put together from
 * products of 16-bit halves.
 */
import { unroll, wgsl } from "./kernel.ts";

/** WGSL of `fn philox(counter: vec4u, key: vec2u) -> vec4u`. */
export const PHILOX = wgsl`
fn high_word(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}
fn philox(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  ${
  unroll(
    10,
    () =>
      `c = vec4u(high_word(0xcd9e8d57u, c.z) ^ c.y ^ k.x, 0xcd9e8d57u * c.z,
    high_word(0xd2511f53u, c.x) ^ c.w ^ k.y, 0xd2511f53u * c.x);
  k += vec2u(0x9e3779b9u, 0xbb67ae85u);`,
  )
}
  return c;
}`;
