import { assertEquals } from "@std/assert";
import { DescramblingPrompts } from "../../lib/data/descrambling_prompts.ts";
import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { loadDescrambler, saveDescrambler } from "../../lib/notebook/descrambler.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { trainBpe } from "../../lib/text/mod.ts";
import { descramble } from "../../lib/train/descramble.ts";

Deno.test("a saved descrambler comes back whole, and half a folder is none", async () => {
  using gpu = await Gpu.open();
  const folder = await Deno.makeTempDir();
  try {
    assertEquals(await loadDescrambler(gpu, `${folder}/none`), undefined);
    const tokenizer = trainBpe(["wrong correct sentence: the cat sleeps"], {
      vocabSize: 280,
      specialTokens: ["<|endoftext|>"],
    });
    const prompts = new DescramblingPrompts(tokenizer, { longest: 60 });
    using model = new Gpt2(gpu, {
      ...{ vocabulary: tokenizer.vocabSize, positions: 64, width: 16, layers: 1, heads: 2 },
    }, { seed: 5 });
    const facts = { level: 1 as const, scale: "smoke", seed: 5, steps: 40, exactMatch: 0.9 };
    const { files } = await saveDescrambler(model, prompts, facts, folder);
    for (const name of files) assertEquals((await Deno.stat(`${folder}/${name}`)).isFile, true);
    const loaded = (await loadDescrambler(gpu, folder))!;
    assertEquals(loaded.facts, facts);
    assertEquals(loaded.prompts.longest, 60);
    const texts = ["sleeps cat the", "the the cat"];
    assertEquals(
      await descramble(loaded.model, loaded.prompts, texts),
      await descramble(model, prompts, texts),
    );
    loaded.model.dispose();
    await Deno.remove(`${folder}/descrambler.json`);
    assertEquals(await loadDescrambler(gpu, folder), undefined);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
