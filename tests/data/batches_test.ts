import { assert, assertEquals, assertThrows } from "@std/assert";
import { Batches } from "../../lib/data/batches.ts";

Deno.test("an epoch gives out every item once, in an order of its own", () => {
  const batches = new Batches(10, { batchSize: 4, seed: 1 });
  const epoch = () => [batches.next(), batches.next(), batches.next()];
  const first = epoch(), second = epoch();
  assertEquals(first.map((batch) => batch.length), [4, 4, 2]);
  for (const batchesOfEpoch of [first, second]) {
    const all = batchesOfEpoch.flatMap((batch) => [...batch]);
    assertEquals(all.toSorted((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
  assert(first.join() !== second.join());
  assertEquals(batches.position, { epoch: 2, batch: 0 });
});

Deno.test("from any stored position the same batches follow", () => {
  const whole = new Batches(23, { batchSize: 5, seed: 9 });
  const sequence = Array.from({ length: 17 }, () => {
    const position = whole.position;
    return { position, batch: whole.next() };
  });
  for (let start = 0; start < sequence.length; start++) {
    const resumed = new Batches(23, { batchSize: 5, seed: 9 });
    resumed.position = sequence[start].position;
    for (const { batch } of sequence.slice(start)) assertEquals(resumed.next(), batch);
  }
});

Deno.test("without shuffling the items keep their order, dropLast leaves out the rest", () => {
  const batches = new Batches(5, { batchSize: 2, shuffle: false, dropLast: true });
  assertEquals([batches.next(), batches.next(), batches.next()].map((b) => [...b]), [
    [0, 1],
    [2, 3],
    [0, 1],
  ]);
});

Deno.test("sizes and positions that make no sense are refused", () => {
  assertThrows(() => new Batches(0, { batchSize: 1 }), RangeError, "count");
  assertThrows(() => new Batches(3, { batchSize: 0 }), RangeError, "batchSize");
  assertThrows(() => new Batches(3, { batchSize: 4, dropLast: true }), RangeError, "3 items");
  const batches = new Batches(3, { batchSize: 2 });
  assertThrows(() => batches.position = { epoch: 0, batch: 2 }, RangeError, "batch from 0 to 1");
});

Deno.test("items of similar length share a batch, and every item still comes once", () => {
  const lengths = Array.from({ length: 103 }, (_, i) => 1 + (i * 37) % 50);
  const batches = new Batches(103, { batchSize: 5, seed: 3, lengths, sortedTogether: 10 });
  const epoch = () => Array.from({ length: batches.batchesPerEpoch }, () => batches.next());
  const spread = (batch: Uint32Array) => {
    const all = Array.from(batch, (i) => lengths[i]);
    return Math.max(...all) - Math.min(...all);
  };
  const first = epoch(), second = epoch();
  for (const all of [first, second]) {
    assertEquals(
      all.flatMap((batch) => [...batch]).sort((a, b) => a - b),
      Array.from({ length: 103 }, (_, i) => i),
    );
    const mean = all.reduce((sum, batch) => sum + spread(batch), 0) / all.length;
    assert(mean < 12, `50 lengths in runs of 10 batches, but ${mean} in one`);
    const shortest = all.map((batch) => lengths[batch[0]]);
    assert(
      shortest.some((length, i) => i > 0 && length < shortest[i - 1]),
      "not sorted as a whole",
    );
  }
  assert(first.join() !== second.join());
  const resumed = new Batches(103, { batchSize: 5, seed: 3, lengths, sortedTogether: 10 });
  resumed.position = { epoch: 1, batch: 7 };
  assertEquals(resumed.next(), second[7]);
  assertThrows(() => new Batches(3, { batchSize: 1, lengths: [1] }), RangeError, "lengths has 1");
});
