/** Guards the claim that a tiny GPT-2 learns to put words in order, and how it is asked for answers. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DescramblingPrompts } from "../../lib/data/descrambling_prompts.ts";
import type { ScrambledSentence } from "../../lib/data/scrambled_sentences.ts";
import { trainBpe } from "../../lib/text/mod.ts";
import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { beamSearch } from "../../lib/train/beam_search.ts";
import { descramble } from "../../lib/train/descramble.ts";
import { generate } from "../../lib/train/generate.ts";
import { train } from "../../lib/train/train.ts";
import { WordConstraint } from "../../lib/train/word_constraint.ts";
import { fixture } from "../nn/fixtures.ts";

const gpu = await Gpu.open();

const SENTENCES: ScrambledSentence[] = [
  { text: "sleeps cat the", label: "the cat sleeps" },
  { text: "loudly dog the barks", label: "the dog barks loudly" },
  { text: "bird a sings", label: "a bird sings" },
  { text: "swims the away fish", label: "the fish swims away" },
  { text: "horse runs home the", label: "the horse runs home" },
  { text: "a jumps frog high", label: "a frog jumps high" },
];
// Some words are one token, some are several.
const tokenizer = trainBpe(
  ["wrong sentence: correct sentence:", ...SENTENCES.map(({ label }) => ` ${label}`)],
  { vocabSize: 300, specialTokens: ["<|endoftext|>"] },
);

async function overfitted(prompts: DescramblingPrompts): Promise<Gpt2> {
  const model = new Gpt2(gpu, {
    ...{ vocabulary: tokenizer.vocabSize, positions: 64, width: 32, layers: 1, heads: 2 },
    ...{ embeddingDropout: 0, attentionDropout: 0, residualDropout: 0, initializerRange: 0.05 },
  }, { seed: 1 });
  const batch = prompts.batch(SENTENCES.map((sentence) => prompts.encode(sentence)));
  const { records } = await train({
    model,
    data: { position: 0, next: () => batch },
    steps: 50,
    optimizer: { learningRate: 0.02, maxGradNorm: 1 },
    schedule: { decay: "cosine", floor: 0.1 },
  });
  assert(records[0].loss > 5 && records.at(-1)!.loss < 0.05, `${records.at(-1)!.loss}`);
  return model;
}

Deno.test("a tiny GPT-2 learns six sentences by heart, greedy, by beams and constrained", async () => {
  const before = gpu.memory.live;
  {
    const prompts = new DescramblingPrompts(tokenizer);
    using model = await overfitted(prompts);
    const texts = SENTENCES.map(({ text }) => text);
    for (
      const options of [{}, { beams: 3 }, { constrained: true }, { beams: 3, constrained: true }]
    ) {
      // Batches of five: padding on the left, and a last batch of one.
      const found = await descramble(model, prompts, texts, { ...options, batchSize: 5 });
      assertEquals(
        found.map(([{ words }]) => words.join(" ")),
        SENTENCES.map(({ label }) => label),
        JSON.stringify(options),
      );
      assert(found.every(([{ tokens }]) => tokens.at(-1) === prompts.endOfText));
    }
    const three = await descramble(model, prompts, texts, {
      beams: 3,
      count: 3,
      constrained: true,
    });
    for (const [i, answers] of three.entries()) {
      assertEquals(answers.length, 3);
      assert(answers[0].score >= answers[1].score && answers[1].score >= answers[2].score);
      for (const { words } of answers) {
        assertEquals(words.toSorted(), texts[i].split(" ").sort());
      }
    }
  }
  assertEquals(gpu.memory.live, before, "memory is still in use");
});

Deno.test("where a model has too few places answers end early; without any it says so", async () => {
  const prompts = new DescramblingPrompts(tokenizer);
  const text = SENTENCES[1].text, tokens = prompts.encodePrompt(text).length;
  const config = { vocabulary: tokenizer.vocabSize, width: 16, layers: 1, heads: 1 };
  using tight = new Gpt2(gpu, { ...config, positions: tokens + 2 });
  for (const options of [{ constrained: true }, { constrained: true, beams: 2 }]) {
    const [[answer]] = await descramble(tight, prompts, [text], options);
    assertEquals(answer.tokens.length, 2);
  }
  using none = new Gpt2(gpu, { ...config, positions: tokens });
  await assertRejects(() => descramble(none, prompts, [text]), RangeError, "more than the");
  const wrong = [[{ batchSize: 0 }, "batchSize is 0"], [{ count: 2 }, "count is 2"]] as const;
  for (const [options, message] of wrong) {
    await assertRejects(() => descramble(tight, prompts, [text], options), RangeError, message);
  }
});

Deno.test("with the end of text masked, as by pad = end, a model never learns to stop", async () => {
  const prompts = new DescramblingPrompts(tokenizer, { learnEnd: false });
  using model = await overfitted(prompts);
  const found = await descramble(model, prompts, SENTENCES.map(({ text }) => text));
  for (const [i, [{ words, tokens }]] of found.entries()) {
    assertEquals(tokens.indexOf(prompts.endOfText), -1);
    const label = SENTENCES[i].label.split(" ");
    assertEquals(words.slice(0, label.length - 1), label.slice(0, -1));
    assert(words.join(" ").length > SENTENCES[i].label.length);
  }
});

Deno.test("constrained beams find the likeliest order of all, as trying every order does", async () => {
  const { files } = await fixture("gpt2");
  using model = await Gpt2.load(gpu, files);
  const prompt = [5, 17, 3], words = [[7, 8], [60], [12], [8, 9, 11]], end = 96;
  const orders = permutations(words).map((order) => [...order.flat(), end]);
  using logits = model.logits({ ids: orders.map((order) => [...prompt, ...order]) });
  const all = await logits.read(), time = prompt.length + orders[0].length;
  const scores = orders.map((order, i) =>
    order.reduce((sum, token, t) => {
      const at = (i * time + prompt.length - 1 + t) * 97;
      const row = all.subarray(at, at + 97);
      const lse = Math.log(row.reduce((s, x) => s + Math.exp(x), 0));
      return sum + row[token] - lse;
    }, 0) / order.length
  );
  const best = [...orders.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 6);

  const constraint = new WordConstraint(words, end);
  const allowed = (_: number, tokens: readonly number[]) => constraint.allowed(tokens);
  const options = { maxNewTokens: 12, endOfText: end, allowed };
  const [found] = await beamSearch(model, [prompt], { ...options, beams: 24, count: 6 });
  assertEquals(found.map(({ tokens }) => tokens), best.map((i) => orders[i]));
  found.forEach(({ score }, k) => assert(Math.abs(score - scores[best[k]]) < 1e-4));

  const two = [prompt, prompt.slice(1)];
  for (const tokens of await generate(model, two, options)) {
    assert(orders.some((order) => order.join() === tokens.join()), tokens.join(" "));
  }
  const drawn = await generate(model, two, { ...options, sample: { temperature: 2, seed: 3 } });
  for (const tokens of drawn) {
    assert(orders.some((order) => order.join() === tokens.join()), tokens.join(" "));
  }
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) =>
    permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest])
  );
}
