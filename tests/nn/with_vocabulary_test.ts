import { assert, assertEquals, assertRejects } from "@std/assert";
import { memoryFiles } from "../../lib/files/mod.ts";
import { modelDir } from "../../lib/hub/model_dir.ts";
import { Bert } from "../../lib/nn/bert.ts";
import type { ModelFiles, TensorToSave } from "../../lib/nn/model_files.ts";
import { withVocabulary } from "../../lib/nn/with_vocabulary.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

const gpu = await Gpu.open();
const sizes = { vocabulary: 12, positions: 8, width: 16, layers: 1, heads: 2, classes: 3 };

Deno.test("a model gets more rows of word embeddings and keeps everything else", async () => {
  const path = await Deno.makeTempDir();
  try {
    using small = new Bert(gpu, { ...sizes, initializerRange: 0.5 }, { seed: 4 });
    await small.save(modelDir(path));
    using large = await Bert.load(gpu, withVocabulary(modelDir(path), 15, { seed: 1 }));
    assertEquals(large.config.vocabulary, 15);
    const before = await small.weights.read(), after = await large.weights.read();
    const table = "bert.embeddings.word_embeddings.weight";
    for (const [name, { data }] of before) {
      if (name !== table) assertEquals(after.get(name)!.data, data, name);
    }
    const old = before.get(table)!.data, rows = after.get(table)!;
    assertEquals(rows.shape, [15, 16]);
    assertEquals(rows.data.slice(0, 12 * 16), old);
    const fresh = Array.from(rows.data.slice(12 * 16));
    assertEquals(new Set(fresh).size, 3 * 16, "new numbers differ");
    // 48 normal numbers of deviation 0.5: their mean square is 0.25, give or take 0.2 at four sigmas.
    const square = fresh.reduce((sum, x) => sum + x * x, 0) / fresh.length;
    assert(Math.abs(square - 0.25) < 0.2, `${square}`);

    using again = await Bert.load(gpu, withVocabulary(modelDir(path), 15, { seed: 1 }));
    assertEquals((await again.weights.read()).get(table)!.data, rows.data);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("files that are an object of a class are written as that object's", async () => {
  class Files implements ModelFiles {
    readonly memory = memoryFiles();
    readText(name: string) {
      return this.memory.readText(name);
    }
    writeText(name: string, text: string) {
      return this.memory.writeText(name, text);
    }
    openTensors(name: string) {
      return this.memory.openTensors(name);
    }
    writeTensors(name: string, tensors: ReadonlyMap<string, TensorToSave>) {
      return this.memory.writeTensors(name, tensors);
    }
  }
  const files = new Files();
  using small = new Bert(gpu, sizes);
  await small.save(files);
  const larger = withVocabulary(files, 15);
  using large = await Bert.load(gpu, larger);
  await large.save(larger);
  using again = await Bert.load(gpu, files);
  assertEquals(again.config.vocabulary, 15);
});

Deno.test("a model with new rows is saved as one of that size", async () => {
  const path = await Deno.makeTempDir();
  try {
    using small = new Bert(gpu, sizes);
    await small.save(modelDir(path));
    using large = await Bert.load(gpu, withVocabulary(modelDir(path), 16));
    await large.save(modelDir(`${path}/large`));
    using loaded = await Bert.load(gpu, modelDir(`${path}/large`));
    assertEquals(loaded.config.vocabulary, 16);
    await assertRejects(
      () => Bert.load(gpu, withVocabulary(modelDir(path), 11)),
      RangeError,
      "at least 12",
    );
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
