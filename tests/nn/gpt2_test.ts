import { Gpu } from "../../lib/tensor/gpu.ts";
import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { assertEquals } from "@std/assert";
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
