import { modelDir } from "../../lib/hub/model_dir.ts";
import { readSafetensors } from "../../lib/hub/safetensors.ts";
import { Bert } from "../../lib/nn/bert.ts";
import { DistilBert } from "../../lib/nn/distilbert.ts";
import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { sourceOf } from "../../lib/nn/model_files.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { fixture } from "./fixtures.ts";

const gpu = await Gpu.open();

type Weights = Map<string, { shape: readonly number[]; data: Float32Array<ArrayBuffer> }>;

/** Configuration and weights of a tiny model as transformers wrote them. */
async function original(name: "gpt2" | "bert" | "distilbert") {
  const { path } = await fixture(name);
  const config = JSON.parse(await Deno.readTextFile(`${path}/config.json`));
  return { config, weights: await readSafetensors(`${path}/model.safetensors`) as Weights };
}

/** The same weights under other names. */
const renamed = (weights: Weights, rename: (name: string) => string) =>
  new Map([...weights].map(([name, value]) => [rename(name), value]));

for (const [name, Model] of [["gpt2", Gpt2], ["bert", Bert], ["distilbert", DistilBert]] as const) {
  Deno.test(`${Model.name} writes what it read, under the same names`, async () => {
    const { files } = await fixture(name);
    const { config, weights } = await original(name);
    const directory = await Deno.makeTempDir();
    try {
      using model = await Model.load(gpu, files);
      await model.save(modelDir(`${directory}/new`));
      const written = await readSafetensors(`${directory}/new/model.safetensors`);
      assertEquals([...written.keys()].sort(), [...weights.keys()].sort());
      for (const [name, { shape, data }] of weights) {
        assertEquals(written.get(name)!.shape, shape, name);
        assertEquals(written.get(name)!.data, data, name);
      }
      const json = JSON.parse(await Deno.readTextFile(`${directory}/new/config.json`));
      for (const [key, value] of Object.entries(config)) {
        if (key !== "classifier_dropout") assertEquals(json[key], value, key);
      }
      using _again = await Model.load(gpu, modelDir(`${directory}/new`));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("names without prefix, gamma and beta, buffers and other heads are understood", async () => {
  const gpt2 = await original("gpt2");
  const plain = renamed(gpt2.weights, (name) => name.replace("transformer.", ""));
  plain.set("h.0.attn.bias", { shape: [1, 1, 32, 32], data: new Float32Array(1024) });
  plain.set("h.1.attn.masked_bias", { shape: [], data: new Float32Array(1) });
  plain.set("lm_head.weight", gpt2.weights.get("transformer.wte.weight")!);
  using _a = Gpt2.fromTensors(gpu, gpt2.config, sourceOf(plain));

  const bert = await original("bert");
  const old = renamed(
    bert.weights,
    (name) => name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("Norm.bias", "Norm.beta"),
  );
  assert(old.has("bert.embeddings.LayerNorm.gamma") && old.has("bert.embeddings.LayerNorm.beta"));
  old.set("cls.predictions.bias", { shape: [97], data: new Float32Array(97) });
  using model = Bert.fromTensors(gpu, bert.config, sourceOf(old));
  const read = await model.weights.read();
  assertEquals(
    read.get("bert.embeddings.LayerNorm.weight")!.data,
    bert.weights.get("bert.embeddings.LayerNorm.weight")!.data,
  );
});

Deno.test("everything that is wrong with a file is named in one error", async () => {
  const { config, weights } = await original("gpt2");
  const before = gpu.memory.live;
  const broken = new Map(weights);
  broken.delete("transformer.ln_f.bias");
  broken.delete("transformer.h.1.mlp.c_fc.weight");
  broken.set("transformer.h.2.ln_1.weight", { shape: [24], data: new Float32Array(24) });
  broken.set("transformer.wpe.weight", { shape: [16, 24], data: new Float32Array(384) });
  const error = assertThrows(() => Gpt2.fromTensors(gpu, config, sourceOf(broken)));
  assertEquals(
    error.message,
    "The weights do not fit this GPT-2. missing: transformer.h.1.mlp.c_fc.weight, " +
      "transformer.ln_f.bias. unknown: transformer.h.2.ln_1.weight. wrong: transformer.wpe.weight " +
      "is [16, 24], expected [32, 24].",
  );
  assertEquals(gpu.memory.live, before, "the model that failed keeps memory");
});

Deno.test("a file of the mere body needs newHead, which starts a head of any size", async () => {
  const { weights, config } = await original("bert");
  const body = new Map([...weights].filter(([name]) => !name.startsWith("classifier.")));
  const files = {
    readText: () => Promise.resolve(JSON.stringify(config)),
    openTensors: () => Promise.resolve({ ...sourceOf(body), [Symbol.dispose]: () => {} }),
    writeText: () => Promise.reject(new Error("not written")),
    writeTensors: () => Promise.reject(new Error("not written")),
  };
  await assertRejects(() => Bert.load(gpu, files), Error, "newHead: true");
  using model = await Bert.load(gpu, files, { newHead: true, classes: 7, seed: 3 });
  const read = await model.weights.read();
  assertEquals(read.get("classifier.weight")!.shape, [7, 24]);
  assertNotEquals(read.get("classifier.weight")!.data, new Float32Array(7 * 24));
  assertEquals(
    read.get("bert.pooler.dense.weight")!.data,
    weights.get("bert.pooler.dense.weight")!.data,
  );
});

Deno.test("a model that was read from half precision is saved as what its weights are, f32", async () => {
  for (const [name, Model] of [["gpt2", Gpt2], ["bert", Bert]] as const) {
    const { config, weights } = await original(name);
    const half = { ...config, dtype: "float16", torch_dtype: "float16" };
    using model = Model.fromTensors(gpu, half, sourceOf(weights));
    const { dtype, torch_dtype } = model.configJson();
    assertEquals([dtype, torch_dtype], ["float32", "float32"]);
    const { dtype: _, ...silent } = config;
    using other = Model.fromTensors(gpu, silent, sourceOf(weights));
    assertEquals("dtype" in other.configJson(), false);
  }
});

Deno.test("variants of a configuration that are not there are refused", async () => {
  const { weights, config } = await original("gpt2");
  for (
    const [key, value] of Object.entries({
      tie_word_embeddings: false,
      scale_attn_by_inverse_layer_idx: true,
      activation_function: "swish",
      n_head: 5,
      n_layer: "two",
    })
  ) {
    assertThrows(
      () => Gpt2.fromTensors(gpu, { ...config, [key]: value }, sourceOf(weights)),
      Error,
    );
  }
});

Deno.test("new weights have the deviations of transformers and depend on the seed", async () => {
  const config = { vocabulary: 200, positions: 64, width: 64, layers: 3, heads: 4 };
  using model = new Gpt2(gpu, config, { seed: 5 });
  using same = new Gpt2(gpu, config, { seed: 5 });
  using other = new Gpt2(gpu, config, { seed: 6 });
  const [first, second, third] = [
    await model.weights.read(),
    await same.weights.read(),
    await other.weights.read(),
  ];
  for (const [name, { data }] of first) {
    assertEquals(second.get(name)!.data, data, name);
    const mean = data.reduce((a, b) => a + b, 0) / data.length;
    const deviation = Math.sqrt(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length);
    if (name.endsWith("bias")) assertEquals([mean, deviation], [0, 0], name);
    else if (/ln_.\.weight$/.test(name)) assertEquals([mean, deviation], [1, 0], name);
    else {
      assertNotEquals(third.get(name)!.data, data, name);
      const expected = 0.02 / (name.endsWith("c_proj.weight") ? Math.sqrt(6) : 1);
      assert(Math.abs(mean) < 5 * expected / Math.sqrt(data.length), `${name}: mean ${mean}`);
      assert(Math.abs(deviation / expected - 1) < 0.05, `${name}: deviation ${deviation}`);
      assert(data.some((x) => Math.abs(x) > 3 * expected), `${name} has no tails`);
    }
  }
});
