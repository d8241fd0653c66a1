import { Gpu } from "../../lib/tensor/gpu.ts";
import { embedding } from "../../lib/ops/mod.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { checkOp } from "./check_op.ts";

const gpu = await Gpu.open();

/** Rows of the table. */
function rows(table: Float64Array, ids: ArrayLike<number>, width: number): Float64Array {
  const y = new Float64Array(ids.length * width);
  for (let n = 0; n < ids.length; n++) {
    y.set(table.subarray(ids[n] * width, (ids[n] + 1) * width), n * width);
  }
  return y;
}

Deno.test("an embedding looks up rows, and its gradient adds up repeated ones", async () => {
  for (const width of [1, 6, 8, 70]) {
    const ids = Int32Array.of(3, 0, 3, 9, 3, 1);
    await checkOp(gpu, `embedding of width ${width}`, {
      shapes: [[10, width]],
      op: ([table]) => {
        using tokens = gpu.tensor(ids, [2, 3]);
        return embedding(tokens, table);
      },
      formula: ([table]) => rows(table, ids, width),
    });
  }
});

Deno.test("a token that fills the batch is added in parts", async () => {
  const ids = Int32Array.from({ length: 700 }, (_, i) => i % 50 === 0 ? 2 : 1);
  await checkOp(gpu, "embedding with long lists", {
    shapes: [[4, 5]],
    op: ([table]) => {
      using tokens = gpu.tensor(ids);
      return embedding(tokens, table);
    },
    formula: ([table]) => rows(table, ids, 5),
    absolute: 1e-4,
  });
});

Deno.test("ids that are written anew are those that get a gradient", async () => {
  using table = gpu.zeros([4, 2], { requiresGrad: true });
  using tokens = gpu.tensor(Int32Array.of(0, 1, 2));
  gpu.write(tokens, Int32Array.of(3, 3));
  using y = embedding(tokens, table);
  y.backward(gpu.full([3, 2], 1));
  assertEquals([...await table.grad!.read()], [0, 0, 0, 0, 1, 1, 2, 2]);
  gpu.write(tokens, Int32Array.of(0, 7));
  assertThrows(() => embedding(tokens, table), RangeError, "ids[1] is 7");
});

Deno.test("an id outside the table is named with its place", () => {
  using table = gpu.zeros([4, 2]);
  using ids = gpu.tensor(Int32Array.of(0, 4));
  assertThrows(() => embedding(ids, table), RangeError, "ids[1] is 4; expected 0 … 3");
  using floats = gpu.tensor([0, 1]);
  assertThrows(() => embedding(floats, table), TypeError, "expected i32");
});
