import { assert, assertEquals, assertThrows } from "@std/assert";
import { meanInterval, studentQuantile } from "../../lib/classic/mean_interval.ts";
import { Random } from "../../lib/data/random.ts";

Deno.test("Student's quantiles are those of printed tables", () => {
  // Abramowitz and Stegun, table 26.10, to its three digits.
  for (
    const [probability, degrees, expected] of [
      [0.975, 1, 12.706],
      [0.975, 2, 4.303],
      [0.975, 3, 3.182],
      [0.975, 4, 2.776],
      [0.95, 9, 1.833],
      [0.995, 29, 2.756],
    ]
  ) {
    const found = studentQuantile(probability, degrees);
    assert(Math.abs(found - expected) < 6e-4, `${found} for ${degrees}, expected ${expected}`);
  }
  // ν = 2 has a closed form: t = (2p − 1) · √(2 / (1 − (2p − 1)²)).
  const closed = 0.95 * Math.sqrt(2 / (1 - 0.95 ** 2));
  assert(Math.abs(studentQuantile(0.975, 2) / closed - 1) < 1e-9);
});

Deno.test("the interval of three numbers is the one worked out by hand", () => {
  const { value, low, high } = meanInterval([1, 2, 3]);
  assertEquals(value, 2);
  assert(Math.abs(high - low - 2 * 4.302652729911275 / Math.sqrt(3)) < 1e-8);
  assertEquals(meanInterval([4, 4]), { value: 4, low: 4, high: 4 });
});

Deno.test("95 of 100 intervals of normal numbers hold the true mean", () => {
  const random = new Random(5);
  let inside = 0;
  for (let i = 0; i < 4000; i++) {
    const { low, high } = meanInterval(Array.from({ length: 4 }, () => 7 + 3 * random.normal()));
    if (low <= 7 && 7 <= high) inside++;
  }
  // Four standard deviations of a share of 0.95 in 4000 are 0.014.
  assert(Math.abs(inside / 4000 - 0.95) < 0.014, `${inside} of 4000`);
});

Deno.test("one number has no interval", () => {
  assertThrows(() => meanInterval([1]), RangeError, "two numbers at least");
  assertThrows(() => meanInterval([1, 2], { confidence: 1 }), RangeError, "confidence");
});
