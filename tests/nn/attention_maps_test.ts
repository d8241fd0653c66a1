import { assert, assertEquals } from "@std/assert";
import { attentionRow, DiffTransformer, traceAttention } from "../../lib/nn/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { assertClose } from "./fixtures.ts";

const gpu = await Gpu.open();
const SIZES = { vocabulary: 13, width: 16, layers: 2, heads: 4, inner: 16, initializerRange: 0.4 };
const IDS = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 12]];

for (const attention of ["differential", "softmax"] as const) {
  for (const causal of [true, false]) {
    const name = `${attention}, ${causal ? "causal" : "all"}`;
    Deno.test(`${name}: weights computed on the host give what the kernel gives`, async () => {
      using model = new DiffTransformer(gpu, { ...SIZES, attention, causal }, { seed: 2 });
      const before = gpu.memory.live;
      const { layers, outputs } = await traceAttention(model, { ids: IDS });
      assert(gpu.memory.live - before <= 16 * 4 * 4, "what was looked at is freed");
      assertEquals(layers.length, 2);
      assertEquals(outputs.map((x) => x.length), [2 * 11 * 16, 2 * 11 * 16]);
      for (const layer of layers) {
        const { batch, time, heads, widthV: dv, v, attended } = layer;
        assertEquals(
          [batch, time, heads, dv],
          attention === "softmax" ? [2, 11, 4, 4] : [2, 11, 2, 8],
        );
        for (let sequence = 0; sequence < batch; sequence++) {
          for (let head = 0; head < heads; head++) {
            for (const query of [0, 4, 10]) {
              const { weights, maps, scores } = attentionRow(layer, { sequence, head, query });
              assertEquals(scores[0].length, causal ? query + 1 : time);
              const sum = weights.reduce((a, b) => a + b, 0);
              assertClose([sum], [1 - (layer.lambda ?? 0)], "sum of the weights", 1e-9);
              assert(maps.every((map) => map.every((p, t) => p > 0 || t > query)));
              const place = (t: number) => ((sequence * time + t) * heads + head) * dv;
              const expected = Float64Array.from(
                { length: dv },
                (_, c) => weights.reduce((s, p, t) => s + p * v[place(t) + c], 0),
              );
              const found = attended.subarray(place(query), place(query) + dv);
              assertClose(found, expected, `layer ${layer.layer}`, 1e-5, 1e-4);
            }
          }
        }
      }
    });
  }
}
