import { assert, assertEquals, assertThrows } from "@std/assert";
import { modelDir } from "../../lib/hub/model_dir.ts";
import { ConfigError, DiffTransformer, lambdaInit, sourceOf } from "../../lib/nn/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { referenceLogits, referenceLoss } from "./diff_transformer_reference.ts";
import { assertClose } from "./fixtures.ts";

const gpu = await Gpu.open();
const SIZES = { vocabulary: 11, width: 16, layers: 2, heads: 4, inner: 24, initializerRange: 0.3 };
const KINDS = ["differential", "softmax"] as const;
const IDS = [[3, 1, 4, 1, 5, 9, 2, 6, 5], [2, 7, 1, 8, 2, 8, 10, 0, 4]];
const LABELS = [[-100, -100, 4, 1, 5, -100, 2, 6, 5], [-100, 7, 1, 8, -100, 8, 10, 0, 4]];

// The table of rotary angles stays on the device once it has been made; that is no leak.
{
  using first = new DiffTransformer(gpu, SIZES);
  first.logits({ ids: IDS }).dispose();
}

/** A model whose norms are not all ones, so that forgetting one shows. */
async function tinyModel(attention: typeof KINDS[number]): Promise<DiffTransformer> {
  const model = new DiffTransformer(gpu, { ...SIZES, attention, lambdaRange: 0.5 }, { seed: 3 });
  const all = await model.weights.read();
  for (const [name, { data }] of all) {
    if (name.includes("norm")) data.forEach((_, i) => data[i] = 0.7 + 0.1 * (i % 7));
  }
  model.setTensors(sourceOf(all));
  return model;
}

for (const kind of KINDS) {
  Deno.test(`${kind}: logits and loss follow the formulas`, async () => {
    const before = gpu.memory.live;
    {
      using model = await tinyModel(kind);
      const weights = await model.weights.read();
      const expected = IDS.map((ids) => referenceLogits(weights, model.config, ids));
      {
        using _ = gpu.noGrad();
        using logits = model.logits({ ids: IDS });
        assertClose(await logits.read(), expected.flat(2), "logits", 1e-5, 1e-4);
      }
      for (const checkpoint of [false, true]) {
        using loss = model.loss({ ids: IDS, labels: LABELS }, { checkpoint });
        loss.backward();
        // The first sequence has 6 labels that count, the second 7.
        const [a, b] = expected.map((logits, i) => referenceLoss(logits, LABELS[i]));
        assertClose([await loss.item()], [(6 * a + 7 * b) / 13], "loss", 1e-5);
      }
      assertEquals(model.measure({ ids: IDS, labels: LABELS }), { batch: 2, time: 9, targets: 13 });
    }
    assertEquals(gpu.memory.live, before, "memory is still in use");
  });

  Deno.test(`${kind}: gradients are the slopes of the formulas`, async () => {
    using model = await tinyModel(kind);
    using loss = model.loss({ ids: IDS.slice(0, 1), labels: LABELS.slice(0, 1) });
    loss.backward();
    const weights = await model.weights.read();
    const gradients = await model.weights.read("gradients");
    const value = () => referenceLoss(referenceLogits(host, model.config, IDS[0]), LABELS[0]);
    const host = new Map(
      [...weights].map(([name, { data }]) => [name, { data: Float64Array.from(data) }]),
    );
    for (const [name, { data }] of host) {
      // Three elements of each weight; of embeddings, those of tokens that occur.
      for (const share of [0.09, 0.4, 0.87]) {
        const i = Math.floor(share * data.length), x = data[i], h = 1e-4;
        data[i] = x + h;
        const above = value();
        data[i] = x - h;
        const below = value();
        data[i] = x;
        const found = gradients.get(name)!.data[i];
        assertClose([found], [(above - below) / (2 * h)], `${name}[${i}]`, 2e-5, 1e-3);
      }
    }
    assertEquals(host.size, kind === "differential" ? 2 * 16 + 2 : 2 * 9 + 2);
  });

  Deno.test(`${kind}: a model that was saved and loaded gives the same bits`, async () => {
    const path = await Deno.makeTempDir();
    try {
      using model = await tinyModel(kind);
      await model.save(modelDir(path));
      using again = await DiffTransformer.load(gpu, modelDir(path));
      assertEquals(again.config, model.config);
      using _ = gpu.noGrad();
      using a = model.logits({ ids: IDS });
      using b = again.logits({ ids: IDS });
      assertEquals(await b.read(), await a.read());
    } finally {
      await Deno.remove(path, { recursive: true });
    }
  });
}

Deno.test("λ_init is the paper's at layers counted from 1, and rises towards 0.8", () => {
  assertClose([lambdaInit(1), lambdaInit(4)], [0.2, 0.8 - 0.6 * Math.exp(-0.9)], "λ_init", 1e-12);
  assert(lambdaInit(40) > 0.799 && lambdaInit(40) < 0.8);
  assertThrows(() => lambdaInit(0), RangeError, "layer is 0");
});

Deno.test("before training λ is near λ_init, and without random vectors it is λ_init", async () => {
  using model = new DiffTransformer(gpu, SIZES);
  using still = new DiffTransformer(gpu, { ...SIZES, lambdaRange: 0 });
  const expected = [lambdaInit(1), lambdaInit(2)];
  assertClose(await model.lambdas(), expected, "λ", 0.1);
  assertClose(await still.lambdas(), expected, "λ of zeros", 1e-6);
  using ordinary = new DiffTransformer(gpu, { ...SIZES, attention: "softmax" });
  assertEquals(await ordinary.lambdas(), []);
});

Deno.test("both kinds differ by 6·d parameters a layer and start with equal weights", async () => {
  using differential = new DiffTransformer(gpu, SIZES, { seed: 1 });
  using ordinary = new DiffTransformer(gpu, { ...SIZES, attention: "softmax" }, { seed: 1 });
  const d = SIZES.width / SIZES.heads;
  assertEquals(differential.weights.size - ordinary.weights.size, SIZES.layers * 6 * d);
  const [a, b] = [await differential.weights.read(), await ordinary.weights.read()];
  const shared = [...a.keys()].filter((name) => b.has(name));
  assertEquals(shared.length, 2 * 7 + 2);
  for (const name of shared) assertEquals(a.get(name), b.get(name), name);
});

Deno.test("a token sees no later one, unless the model is not causal", async () => {
  for (const causal of [true, false]) {
    using model = new DiffTransformer(gpu, { ...SIZES, causal });
    using _ = gpu.noGrad();
    using a = model.logits({ ids: [[1, 2, 3, 4]] });
    using b = model.logits({ ids: [[1, 2, 3, 9]] });
    const [x, y] = await gpu.read([a, b]);
    const equal = x.slice(0, 33).every((value, i) => value === y[i]);
    assertEquals(equal, causal);
  }
});

Deno.test("impossible sizes are named", () => {
  const make = (change: object) => () => new DiffTransformer(gpu, { ...SIZES, ...change });
  assertThrows(make({ heads: 3 }), ConfigError, "no multiple");
  assertThrows(make({ width: 12, heads: 4 }), ConfigError, "need an even width");
  assertThrows(make({ heads: 1 }), ConfigError, "joins two to one");
  assertThrows(make({ lambdaInit: [0.2] }), ConfigError, "one finite number for each of the 2");
  assertThrows(make({ attention: "linear" }), ConfigError, '"linear"');
});
