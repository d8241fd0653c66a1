import { assert, assertEquals, assertThrows } from "@std/assert";
import { attentionRow, Gpt2, traceGpt2 } from "../../lib/nn/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { assertClose } from "./fixtures.ts";

const gpu = await Gpu.open();
const SIZES = { vocabulary: 13, positions: 16, width: 16, layers: 2, heads: 4 };
const IDS = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 12]];

Deno.test("attention of a GPT-2 computed on the host gives what the fused kernel gives", async () => {
  using model = new Gpt2(gpu, { ...SIZES, initializerRange: 0.5 }, { seed: 2 });
  const before = gpu.memory.live;
  const layers = await traceGpt2(model, { ids: IDS });
  assertEquals(gpu.memory.live, before, "what was looked at is freed");
  assertEquals(layers.map(({ layer }) => layer), [1, 2]);
  let sharpest = 0;
  for (const layer of layers) {
    const { batch, time, heads, widthV, v, attended } = layer;
    assertEquals([batch, time, heads, widthV], [2, 11, 4, 4]);
    for (let sequence = 0; sequence < batch; sequence++) {
      for (let head = 0; head < heads; head++) {
        for (let query = 0; query < time; query++) {
          const { weights } = attentionRow(layer, { sequence, head, query });
          assertClose([weights.reduce((a, b) => a + b, 0)], [1], "sum of the weights", 1e-9);
          assert(weights.every((p, t) => t <= query ? p > 0 : p === 0), "only the past is seen");
          sharpest = Math.max(sharpest, weights[0]);
          const place = (t: number) => ((sequence * time + t) * heads + head) * widthV;
          const expected = Float64Array.from(
            { length: widthV },
            (_, c) => weights.reduce((sum, p, t) => sum + p * v[place(t) + c], 0),
          );
          const found = attended.subarray(place(query), place(query) + widthV);
          assertClose(found, expected, `layer ${layer.layer}`, 1e-5, 1e-4);
        }
      }
    }
  }
  assert(sharpest > 0.5, "weights differ from each other");
});

Deno.test("padding, wherever it is, has no weight on the host either", async () => {
  using model = new Gpt2(gpu, { ...SIZES, initializerRange: 0.5 }, { seed: 2 });
  // On the left, in the middle, and on the right.
  const mask = [[0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]];
  for (const layer of await traceGpt2(model, { ids: IDS, mask })) {
    const { batch, time, heads, widthV, v, attended } = layer;
    for (let sequence = 0; sequence < batch; sequence++) {
      for (let query = 0; query < time; query++) {
        const { weights } = attentionRow(layer, { sequence, head: 1, query });
        assert(weights.every((p, t) => t <= query && mask[sequence][t] === 1 ? p > 0 : p === 0));
        const place = (t: number) => ((sequence * time + t) * heads + 1) * widthV;
        const expected = Float64Array.from(
          { length: widthV },
          (_, c) => weights.reduce((sum, p, t) => sum + p * v[place(t) + c], 0),
        );
        const found = attended.subarray(place(query), place(query) + widthV);
        assertClose(found, expected, `layer ${layer.layer}`, 1e-5, 1e-4);
      }
    }
  }
});

Deno.test("a place that a layer does not have is named", async () => {
  using model = new Gpt2(gpu, SIZES);
  const [layer] = await traceGpt2(model, { ids: IDS });
  const place = { sequence: 0, head: 0, query: 0 };
  for (
    const [name, value, message] of [
      ["sequence", 2, "sequence is 2; expected 0 … 1"],
      ["head", 4, "head is 4; expected 0 … 3"],
      ["head", -1, "head is -1"],
      ["query", 11, "query is 11; expected 0 … 10"],
      ["query", 0.5, "query is 0.5"],
    ] as const
  ) {
    assertThrows(() => attentionRow(layer, { ...place, [name]: value }), RangeError, message);
  }
});
