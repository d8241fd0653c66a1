import { assert, assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../lib/data/random.ts";
import { associativeRecall, makeRetrievalBatch } from "../../lib/data/retrieval.ts";
import { RetrievalBatches, retrievalRows } from "../../lib/data/retrieval_batches.ts";

const NEEDLES = { length: 40, needles: 3, queries: 2, keys: 20, values: 8, fillers: 30 };
const RECALL = associativeRecall({ pairs: 5, keys: 20, values: 8 });

Deno.test("labels stand one place after the questions, where the answer is", () => {
  const batch = makeRetrievalBatch(NEEDLES, 10, new Random(1));
  const { ids, labels } = retrievalRows(batch);
  assertEquals(ids.length, 10);
  labels.forEach((row, i) => {
    assertEquals([...ids[i]], [...batch.tokens.subarray(i * 40, (i + 1) * 40)]);
    // A model predicts at position t the label at t + 1.
    for (let t = 0; t + 1 < 40; t++) assertEquals(row[t + 1], batch.targets[i * 40 + t]);
    assertEquals(row[0], -100);
  });
});

Deno.test("tasks take turns, batches differ, and a position can be returned to", () => {
  const batches = new RetrievalBatches([NEEDLES, RECALL], { sequences: [4, 8], seed: 3 });
  const four = Array.from({ length: 4 }, () => batches.next());
  assertEquals(four.map(({ ids }) => [ids.length, ids[0].length]), [
    ...[[4, 40], [8, 20], [4, 40], [8, 20]],
  ]);
  assert(four[0].ids.join() !== four[2].ids.join());
  assertEquals(batches.position, 4);
  batches.position = 1;
  assertEquals(batches.next(), four[1]);
  const same = new RetrievalBatches([NEEDLES, RECALL], { sequences: [4, 8], seed: 3 });
  assertEquals(same.next(), four[0]);
  const other = new RetrievalBatches([NEEDLES, RECALL], { sequences: [4, 8], seed: 4 });
  assert(other.next().ids.join() !== four[0].ids.join());
});

Deno.test("tasks with fewer keys and values use the first ones, and ids mean the same in all", () => {
  const few = { ...NEEDLES, keys: 4, values: 2, fillers: 3 };
  const batches = new RetrievalBatches([few, NEEDLES], { sequences: 200 });
  assertEquals(batches.kinds, { keys: 20, values: 8 });
  const { ids, labels } = batches.next();
  const seen = [...new Set(ids.flatMap((row) => [...row]))].sort((a, b) => a - b);
  assertEquals(seen, [0, 1, 2, 3, 20, 21, 28, 29, 30]); // keys, values, filler
  const answers = new Set(labels.flatMap((row) => [...row]));
  assertEquals([...answers].sort((a, b) => a - b), [-100, 20, 21]);
  const all = new Set(batches.next().ids.flatMap((row) => [...row]));
  assertEquals(Math.max(...all), 20 + 8 + 30 - 1);
});

Deno.test("lists that do not fit are refused", () => {
  assertThrows(() => new RetrievalBatches([], { sequences: 2 }), RangeError, "0 tasks");
  assertThrows(
    () => new RetrievalBatches([NEEDLES], { sequences: [1, 2] }),
    RangeError,
    "2 numbers",
  );
  const batch = makeRetrievalBatch(NEEDLES, 1, new Random(0));
  assertThrows(() => retrievalRows(batch, { keys: 20, values: 7 }), RangeError, "and 7 values");
});
