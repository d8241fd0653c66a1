import { assert, assertEquals, assertThrows } from "@std/assert";
import { philox4x32, Random } from "../../lib/data/random.ts";

Deno.test("Philox4x32-10 gives the known answers of Random123", () => {
  const known: [number[], [number, number], number[]][] = [
    [[0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  for (const [counter, key, expected] of known) {
    const block = new Uint32Array(counter);
    philox4x32(block, ...key);
    assertEquals([...block], expected);
  }
});

Deno.test("equal seeds give equal numbers, other seeds and streams other ones", () => {
  const draw = (random: Random) => Array.from({ length: 9 }, () => random.uint32()).join();
  assertEquals(draw(new Random(5)), draw(new Random(5)));
  const all = [new Random(5), new Random(6), new Random(5 + 2 ** 32), new Random(5).fork("a")]
    .concat([new Random(5).fork("b"), new Random(5).fork("a").fork("a")]).map(draw);
  assertEquals(new Set(all).size, all.length);
});

Deno.test("forking neither reads nor moves the generator that is forked", () => {
  const random = new Random(3);
  const fork = random.fork("x").uint32();
  random.uint32();
  assertEquals(random.position, 1);
  assertEquals(random.fork("x").uint32(), fork);
});

Deno.test("a stored position continues the sequence", () => {
  const random = new Random(1);
  for (let i = 0; i < 6; i++) random.uint32();
  const position = random.position;
  const rest = [random.uint32(), random.uint32(), random.uint32()];
  const resumed = new Random(1);
  resumed.position = position;
  assertEquals([resumed.uint32(), resumed.uint32(), resumed.uint32()], rest);
});

Deno.test("whole numbers below n are uniform by a chi-squared test", () => {
  const random = new Random(0);
  for (const n of [2, 7, 100]) {
    const counts = new Array(n).fill(0);
    const draws = 1000 * n;
    for (let i = 0; i < draws; i++) counts[random.below(n)]++;
    const chi2 = counts.reduce((sum, c) => sum + (c - 1000) ** 2 / 1000, 0);
    // Mean n − 1, standard deviation √(2(n − 1)); five of them on either side.
    const deviation = Math.sqrt(2 * (n - 1));
    assert(Math.abs(chi2 - (n - 1)) < 5 * deviation, `n = ${n}: chi-squared ${chi2}`);
  }
});

Deno.test("every order of three things is as likely after a shuffle", () => {
  const random = new Random(2);
  const counts: Record<string, number> = {};
  for (let i = 0; i < 6000; i++) {
    const order = random.shuffle([1, 2, 3]).join("");
    counts[order] = (counts[order] ?? 0) + 1;
  }
  assertEquals(Object.keys(counts).length, 6);
  for (const [order, count] of Object.entries(counts)) {
    assert(Math.abs(count - 1000) < 150, `${order}: ${count}`);
  }
});

Deno.test("normal numbers have mean 0 and variance 1, weighted picks their weights", () => {
  const random = new Random(4);
  let sum = 0, squares = 0;
  for (let i = 0; i < 20000; i++) {
    const x = random.normal();
    sum += x / 20000;
    squares += (x * x) / 20000;
  }
  assert(Math.abs(sum) < 0.04 && Math.abs(squares - 1) < 0.06, `${sum}, ${squares}`);
  let ones = 0;
  for (let i = 0; i < 10000; i++) ones += random.weighted([3, 1, 0]) === 1 ? 1 : 0;
  assert(Math.abs(ones - 2500) < 250, `${ones}`);
});

Deno.test("a sample has different elements and leaves its source", () => {
  const items = [1, 2, 3, 4, 5];
  const sample = new Random(0).sample(items, 5);
  assertEquals(items, [1, 2, 3, 4, 5]);
  assertEquals(sample.sort(), items);
  assertThrows(() => new Random(0).sample(items, 6), RangeError, "6 different items out of 5");
});

Deno.test("seeds and bounds that make no sense are refused", () => {
  assertThrows(() => new Random(-1), RangeError, "seed");
  assertThrows(() => new Random(0.5), RangeError, "seed");
  assertThrows(() => new Random(0).below(0), RangeError, "n must be");
  assertThrows(() => new Random(0).pick([]), RangeError, "n must be");
});
