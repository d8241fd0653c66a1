import { Gpu } from "../../lib/tensor/gpu.ts";
import { Bert } from "../../lib/nn/bert.ts";
import { DistilBert } from "../../lib/nn/distilbert.ts";
import { assertEquals } from "@std/assert";
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
