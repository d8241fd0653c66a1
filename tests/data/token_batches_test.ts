import { assert, assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../lib/data/random.ts";
import { padTokens, type TokenBatch, TokenBatches } from "../../lib/data/token_batches.ts";

const random = new Random(1);
/** A text whose first id is its number, so that it can be recognised. */
const texts = Array.from({ length: 103 }, (_, i) => ({
  ids: [1000 + i, ...new Array(random.between(0, 40)).fill(7)],
  label: i % 5,
}));
const members = (batch: TokenBatch) => batch.ids.map((row) => row[0] - 1000);

Deno.test("texts are filled up to the longest, in whole steps, and the mask says where", () => {
  const batch = padTokens([{ ids: [5, 6, 7], label: 1 }, { ids: [8], label: 0 }], {
    padId: 9,
    multipleOf: 4,
  });
  assertEquals(batch.ids, [Int32Array.of(5, 6, 7, 9), Int32Array.of(8, 9, 9, 9)]);
  assertEquals(batch.mask, [Int32Array.of(1, 1, 1, 0), Int32Array.of(1, 0, 0, 0)]);
  assertEquals(batch.labels, Int32Array.of(1, 0));
});

Deno.test("an epoch has every text once, but for those that fill no batch, with its label", () => {
  const batches = new TokenBatches(texts, { batchSize: 8, padId: 0 });
  assertEquals(batches.batchesPerEpoch, 12);
  const seen = new Set<number>();
  for (let i = 0; i < 12; i++) {
    const batch = batches.next();
    members(batch).forEach((text, row) => {
      assertEquals(batch.labels[row], text % 5);
      assertEquals(
        batch.mask[row].reduce((a, b) => a + b),
        texts[text].ids.length,
      );
      seen.add(text);
    });
  }
  assertEquals(seen.size, 96);
  assertEquals(batches.position, { epoch: 1, batch: 0 });
});

Deno.test("the order depends on seed and epoch only, and can be gone back to", () => {
  const make = (seed: number) => new TokenBatches(texts, { batchSize: 8, padId: 0, seed });
  const first = make(3), second = make(3), other = make(4);
  const orders = Array.from({ length: 24 }, () => members(first.next()));
  assertEquals(Array.from({ length: 24 }, () => members(second.next())), orders);
  assert(members(other.next()).join() !== orders[0].join());
  assert(orders[0].join() !== orders[12].join(), "the second epoch has its own order");
  first.position = { epoch: 1, batch: 2 };
  assertEquals(members(first.next()), orders[14]);
});

Deno.test("sorting texts together leaves less to fill up", () => {
  const filled = (sortedTogether: number) => {
    const batches = new TokenBatches(texts, { batchSize: 8, padId: 0, sortedTogether });
    let positions = 0, tokens = 0;
    for (let i = 0; i < batches.batchesPerEpoch; i++) {
      for (const row of batches.next().mask) {
        positions += row.length;
        tokens += row.reduce((a, b) => a + b);
      }
    }
    return tokens / positions;
  };
  assert(filled(16) > 0.75 && filled(1) < 0.65, `${filled(16)} and ${filled(1)}`);
});

Deno.test("what makes no batch is refused", () => {
  assertThrows(
    () => new TokenBatches(texts, { batchSize: 104, padId: 0 }),
    RangeError,
    "must not exceed the 103 texts",
  );
  const batches = new TokenBatches(texts, { batchSize: 8, padId: 0 });
  assertThrows(() => batches.position = { epoch: 0, batch: 12 }, RangeError, "from 0 to 11");
});

Deno.test("the length is a multiple of 8 unless said otherwise, but never beyond longest", () => {
  const width = (length: number, options: { multipleOf?: number; longest?: number }) =>
    padTokens([{ ids: new Array(length).fill(7), label: 0 }], { padId: 0, ...options }).ids[0]
      .length;
  assertEquals(width(12, {}), 16);
  assertEquals(width(12, { longest: 12 }), 12);
  assertEquals(width(9, { longest: 12 }), 12);
  assertEquals(width(5, { longest: 12 }), 8);
  assertEquals(width(5, { longest: 64, multipleOf: 32 }), 32);
  const short = texts.map(({ ids, label }) => ({ ids: ids.slice(0, 12), label }));
  const batches = new TokenBatches(short, { batchSize: 8, padId: 0, longest: 12 });
  for (let i = 0; i < batches.batchesPerEpoch; i++) {
    const { ids, mask } = batches.next();
    assert(ids.every((row) => row.length <= 12) && mask.every((row) => row.length <= 12));
  }
});

Deno.test("lengths that make no batch are refused before the first one", () => {
  const makers = [
    (options: { multipleOf?: number; longest?: number }) =>
      padTokens(texts, { padId: 0, ...options }),
    (options: { multipleOf?: number; longest?: number }) =>
      new TokenBatches(texts, { batchSize: 8, padId: 0, ...options }),
  ];
  for (const make of makers) {
    for (const value of [0, -8, 1.5, NaN]) {
      for (const name of ["multipleOf", "longest"]) {
        assertThrows(
          () => make({ [name]: value }),
          RangeError,
          `${name} must be a whole number ≥ 1, but was ${value}.`,
        );
      }
    }
    const long = texts.findIndex(({ ids }) => ids.length > 20);
    assertThrows(
      () => make({ longest: 20 }),
      RangeError,
      `at most 20 tokens, as longest says, but text ${long} had ${texts[long].ids.length}.`,
    );
  }
});
