import { Gpu } from "../../lib/tensor/gpu.ts";
import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { ShapeError } from "../../lib/tensor/shape.ts";
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { assertClose, assertGradients, fixture } from "./fixtures.ts";

const gpu = await Gpu.open();
const { files, tensors, values, rows } = await fixture("gpt2");
const batch = { ids: rows("input_ids"), labels: rows("labels") };

Deno.test("GPT-2 gives transformers' logits, loss and gradients, and frees what it used", async () => {
  const before = gpu.memory.live;
  {
    using model = await Gpt2.load(gpu, files);
    {
      using _ = gpu.noGrad();
      using logits = model.logits(batch);
      assertClose(await logits.read(), tensors.get("logits")!.data as Float32Array, "logits", 1e-4);
    }
    for (const impl of ["naive", "chunked", "cut"] as const) {
      for (const checkpoint of [false, true]) {
        using loss = model.loss(batch, { impl, checkpoint });
        loss.backward();
        assertClose([await loss.item()], [values.loss], `loss, ${impl}`, 1e-5);
        await assertGradients(model, tensors);
        for (const { tensor } of model.parameters()) tensor.zeroGrad();
      }
    }
  }
  assertEquals(gpu.memory.live, before, "memory is still in use");
});

Deno.test("dropout drops the same when blocks are computed again, and other things at each step", async () => {
  using model = new Gpt2(gpu, {
    vocabulary: 97,
    positions: 32,
    width: 24,
    layers: 2,
    heads: 2,
    initializerRange: 0.2,
  });
  const run = async (checkpoint: boolean, step: number | undefined) => {
    const training = step === undefined ? undefined : { seed: 3, step };
    using loss = model.loss(batch, { checkpoint, ...(training ? { training } : {}) });
    loss.backward();
    const gradients = await model.weights.read("gradients");
    for (const { tensor } of model.parameters()) tensor.zeroGrad();
    return { loss: await loss.item(), gradients };
  };
  const stored = await run(false, 1);
  assertEquals(await run(true, 1), stored);
  assertNotEquals((await run(false, 2)).loss, stored.loss);
  assertNotEquals((await run(false, undefined)).loss, stored.loss);
});

Deno.test("padding at the end, with a mask, changes nothing, stored or computed again", async () => {
  using model = await Gpt2.load(gpu, files);
  const short = batch.ids[1].slice(0, 7), long = batch.ids[0];
  const [a, b] = [model.loss({ ids: [short] }), model.loss({ ids: [long] })];
  const expected = (6 * await a.item() + 12 * await b.item()) / 18;
  const padded = new Int32Array(13).fill(5);
  padded.set(short);
  const mask = [new Int32Array(13).fill(1, 0, 7), new Int32Array(13).fill(1)];
  for (const checkpoint of [false, true]) {
    using loss = model.loss({ ids: [padded, long], mask }, { checkpoint });
    loss.backward();
    assertClose([await loss.item()], [expected], "loss", 1e-5);
  }
  a.dispose();
  b.dispose();
});

Deno.test("inputs of wrong shapes are named", () => {
  using model = new Gpt2(gpu, { vocabulary: 9, positions: 4, width: 8, layers: 1, heads: 1 });
  assertThrows(() => model.loss({ ids: [] }), ShapeError, "ids is empty");
  assertThrows(() => model.loss({ ids: [[1, 2], [3]] }), ShapeError, "ids[1] has 1 numbers");
  assertThrows(() => model.loss({ ids: [[1, 2, 3, 4, 5]] }), ShapeError, "4 positions");
  assertThrows(() => model.loss({ ids: [[1, 2, 9]] }), RangeError, "ids[2] is 9");
  const lacking: Record<string, number> = { a: 1 };
  assertThrows(
    () => model.loss({ ids: [[1, 2], [lacking.a, lacking.b]] }),
    TypeError,
    "ids[1][1] is undefined; expected a whole number",
  );
  assertThrows(
    () => model.loss({ ids: [[1, 2]], labels: [[1, 3e9]] }),
    TypeError,
    "labels[0][1] is 3000000000; expected a whole number of 32 bits",
  );
  assertThrows(() => model.loss({ ids: [[1], [2]] }), RangeError, "ids has sequences of 1 token");
  assertEquals(model.measure({ ids: [[1], [2]] }).targets, 0);
  assertThrows(() => new Gpt2(gpu, { attentionDropout: -0.1 }), Error, "attentionDropout is -0.1");
  assertThrows(
    () => model.loss({ ids: [[1, 2, 3]], labels: [[1, 2]] }),
    ShapeError,
    "labels has the shape [1, 2]; expected [1, 3]",
  );
});
