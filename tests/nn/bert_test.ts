import { Gpu } from "../../lib/tensor/gpu.ts";
import { Bert } from "../../lib/nn/bert.ts";
import { memoryFiles } from "../../lib/files/mod.ts";
import { DistilBert } from "../../lib/nn/distilbert.ts";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { assertTrains } from "../train/reference_training.ts";
import { assertClose, assertGradients, fixture } from "./fixtures.ts";

const gpu = await Gpu.open();

for (const [name, Model] of [["bert", Bert], ["distilbert", DistilBert]] as const) {
  Deno.test(`${Model.name} gives transformers' logits, loss, gradients and ten steps`, async () => {
    const { files, tensors, values, rows } = await fixture(name);
    const batch = {
      ids: rows("input_ids"),
      mask: rows("attention_mask"),
      labels: tensors.get("labels")!.data as Int32Array,
      ...(name === "bert" ? { types: rows("token_type_ids") } : {}),
    };
    const before = gpu.memory.live;
    {
      using model = await Model.load(gpu, files);
      {
        using _ = gpu.noGrad();
        using logits = model.logits(batch);
        const expected = tensors.get("logits")!.data as Float32Array;
        assertClose(await logits.read(), expected, "logits", 1e-4);
      }
      for (const checkpoint of [false, true]) {
        using loss = model.loss(batch, { checkpoint });
        loss.backward();
        assertClose([await loss.item()], [values.loss], "loss", 1e-5);
        await assertGradients(model, tensors);
        for (const { tensor } of model.parameters()) tensor.zeroGrad();
      }
      await assertTrains(model, () => model.loss(batch), values.training);
    }
    assertEquals(gpu.memory.live, before, "memory is still in use");
  });
}

const sizes = { vocabulary: 9, positions: 8, width: 8, layers: 2, heads: 2 };

Deno.test("an encoder shows what its attention sees to those who ask, stored or computed again", () => {
  using model = new Bert(gpu, sizes);
  for (const checkpoint of [false, true]) {
    const shapes: (readonly number[])[] = [];
    const look = (...seen: { shape: readonly number[] }[]) => {
      for (const { shape } of seen) shapes.push(shape);
    };
    using _ = model.logits({ ids: [[1, 2, 3]] }, { look, checkpoint });
    assertEquals(shapes, [[1, 3, 24], [1, 3, 8], [1, 3, 24], [1, 3, 8]]);
  }
});

Deno.test("what attention adds is dropped from in BERT and not in DistilBERT, as in transformers", async () => {
  for (const [Model, drops] of [[Bert, true], [DistilBert, false]] as const) {
    using model = new Model(gpu, { ...sizes, dropout: 0.5, attentionDropout: 0 });
    const [block] = model.blocks;
    // The feed-forward layer, which drops in both, adds nothing but its bias, which is 0.
    gpu.write(block.innerOut.weight.tensor, new Float32Array(8 * 32));
    using x = gpu.tensor(Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)), [1, 3, 8]);
    using still = block.forward(x, undefined, undefined);
    using training = block.forward(x, undefined, { seed: 1, step: 0 });
    const [a, b] = await gpu.read([still, training]);
    assertEquals(a.some((value, i) => value !== b[i]), drops, Model.name);
  }
});

Deno.test("what a classifier cannot do is named as it was given", async () => {
  using model = new Bert(gpu, { ...sizes, classes: 3 });
  const ids = [[1, 2], [3, 4]];
  const saved = memoryFiles();
  await model.save(saved);
  await assertRejects(() => Bert.load(gpu, saved, { classes: 0 }), Error, "classes is 0");
  assertThrows(
    () => model.logits({ ids, types: [[0, 0], [0, 2]] }),
    RangeError,
    "types[3] is 2; expected 0 … 1",
  );
  assertThrows(
    () => model.loss({ ids, labels: [-100, 3] }),
    RangeError,
    "labels[1] is 3; expected 0 … 2 or -100",
  );
  using single = new Bert(gpu, { ...sizes, classes: 1 });
  assertThrows(() => single.loss({ ids, labels: [0, 0] }), RangeError, "one class");
});
