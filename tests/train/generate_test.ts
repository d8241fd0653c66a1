import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { beamSearch } from "../../lib/train/beam_search.ts";
import { generate } from "../../lib/train/generate.ts";
import { tokenProbabilities } from "../../lib/train/sampling.ts";
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { assertClose, fixture } from "../nn/fixtures.ts";

const gpu = await Gpu.open();
const { files, values } = await fixture("gpt2");

interface ReferenceCase {
  ids: number[][];
  mask: number[][];
  eos: number;
  options: {
    max_new_tokens: number;
    num_beams?: number;
    early_stopping?: boolean | "never";
    length_penalty?: number;
    num_return_sequences?: number;
  };
  sequences: number[][];
}

/** Prompts without their padding, and the new tokens up to the end of text. */
function expectedOf({ ids, mask, eos, sequences }: ReferenceCase) {
  const prompts = ids.map((row, i) => row.filter((_, t) => mask[i][t] === 1));
  const texts = sequences.map((row) => {
    const fresh = row.slice(ids[0].length), end = fresh.indexOf(eos);
    return end < 0 ? fresh : fresh.slice(0, end + 1);
  });
  return { prompts, texts };
}

Deno.test("greedy and beam searches give transformers' sequences, padded prompts too", async () => {
  const before = gpu.memory.live;
  {
    using model = await Gpt2.load(gpu, files);
    for (const reference of values.generation as ReferenceCase[]) {
      const { prompts, texts } = expectedOf(reference);
      const { options, eos: endOfText } = reference;
      const maxNewTokens = options.max_new_tokens;
      const found = options.num_beams === undefined
        ? await generate(model, prompts, { maxNewTokens, endOfText })
        : (await beamSearch(model, prompts, {
          beams: options.num_beams,
          maxNewTokens,
          endOfText,
          lengthPenalty: options.length_penalty,
          earlyStopping: options.early_stopping,
          count: options.num_return_sequences,
        })).flat().map(({ tokens }) => tokens);
      assertEquals(found, texts, JSON.stringify(options));
    }
  }
  assertEquals(gpu.memory.live, before, "memory is still in use");
});

/** A case of tests/fixtures/nn/make_generation.py. */
interface RandomCase {
  prompts: number[][];
  ends: number[];
  options: ReferenceCase["options"] & { min_new_tokens?: number };
  texts: number[][];
  scores?: number[];
}

Deno.test("with options at random, several ends of text among them, texts and scores are transformers'", async () => {
  const { cases } = JSON.parse(
    await Deno.readTextFile(new URL("../fixtures/nn/gpt2/generation.json", import.meta.url)),
  ) as { cases: RandomCase[] };
  using model = await Gpt2.load(gpu, files);
  for (const { prompts, ends: endOfText, options, texts, scores } of cases) {
    const lengths = { maxNewTokens: options.max_new_tokens, minNewTokens: options.min_new_tokens };
    if (options.num_beams === undefined) {
      assertEquals(await generate(model, prompts, { ...lengths, endOfText }), texts);
      continue;
    }
    const found = (await beamSearch(model, prompts, {
      ...lengths,
      endOfText,
      beams: options.num_beams,
      lengthPenalty: options.length_penalty,
      earlyStopping: options.early_stopping,
      count: options.num_return_sequences,
    })).flat();
    assertEquals(found.map(({ tokens }) => tokens), texts, JSON.stringify(options));
    assertClose(found.map(({ score }) => score), scores!, "score", 1e-5, 1e-5);
  }
});

Deno.test("the cache gives the logits of the whole text", async () => {
  using model = await Gpt2.load(gpu, files);
  const text = [7, 3, 60, 12, 12, 90, 4, 55];
  using cache = model.cache({ batch: 1, capacity: 16 });
  using _ = gpu.noGrad();
  for (let t = 3; t <= text.length; t++) {
    using next = model.next([t === 3 ? text.slice(0, 3) : [text[t - 1]]], cache);
    using all = model.logits({ ids: [text.slice(0, t)] });
    assertClose(await next.read(), (await all.read()).slice(-97), `logits after ${t}`, 1e-5);
  }
  assertThrows(() => model.next([[1, 2]], cache), Error, "expects [1, 1]");
  using two = model.cache({ batch: 2, capacity: 4 });
  for (const rows of [[0], [0, 2], [-1, 0], [0, 0.5]]) {
    assertThrows(() => two.reorder(rows), RangeError, "expected 2 numbers from 0 to 1");
  }
  const live = gpu.memory.live, mask = [[1, 1, 0]];
  assertThrows(
    () => model.cache({ batch: 1, capacity: 4, mask }),
    RangeError,
    "padding (0) on the",
  );
  assertEquals(gpu.memory.live, live, "a cache that was not made holds memory");
});

Deno.test("temperature, top-k and top-p leave what transformers leaves", () => {
  for (const { probabilities, topK, ...options } of values.warped.rows) {
    const found = tokenProbabilities(values.warped.logits, {
      ...options,
      ...(topK ? { topK } : {}),
    });
    assertClose(found, probabilities, JSON.stringify(options), 1e-6);
  }
  assertThrows(
    () => tokenProbabilities([1, 2], { temperature: 0 }),
    RangeError,
    "temperature is 0",
  );
});

Deno.test("drawn texts depend on the seed, not on the other prompts, and follow the odds", async () => {
  using model = await Gpt2.load(gpu, files);
  const prompts = [[5, 17, 3], [60], [8, 8]];
  const draw = (prompts: number[][], seed: number) =>
    generate(model, prompts, { maxNewTokens: 8, sample: { temperature: 1.5, topK: 20, seed } });
  const first = await draw(prompts, 1);
  assertEquals(await draw(prompts, 1), first);
  assertEquals(await draw(prompts.slice(0, 1), 1), first.slice(0, 1));
  assertNotEquals(await draw(prompts, 2), first);

  const many = Array.from({ length: 200 }, () => [5, 17, 3]);
  const drawn = await generate(model, many, { maxNewTokens: 1, sample: { seed: 4 } });
  using logits = model.next([[5, 17, 3]], model.cache({ batch: 1, capacity: 4 }));
  const odds = tokenProbabilities(await logits.read());
  const likeliest = odds.indexOf(Math.max(...odds)), p = odds[likeliest];
  const share = drawn.filter(([token]) => token === likeliest).length / 200;
  assert(Math.abs(share - p) < 4 * Math.sqrt(p * (1 - p) / 200), `${share}, expected ${p}`);
});

Deno.test("no text ends before minNewTokens, and what cannot go on says why", async () => {
  using model = await Gpt2.load(gpu, files);
  const [first] = await generate(model, [[5, 17, 3]], { maxNewTokens: 6 });
  const endOfText = [first[0], first[1]];
  const options = { endOfText, maxNewTokens: 6 };
  for (const minNewTokens of [0, 3]) {
    const [greedy] = await generate(model, [[5, 17, 3]], { ...options, minNewTokens });
    const [[beam]] = await beamSearch(model, [[5, 17, 3]], { ...options, minNewTokens, beams: 3 });
    for (const tokens of [greedy, beam.tokens]) {
      const end = tokens.findIndex((token) => endOfText.includes(token));
      assert(end < 0 || (end >= minNewTokens && end === tokens.length - 1), tokens.join());
    }
    if (minNewTokens === 0) assertEquals(greedy, first.slice(0, 1));
    else assertNotEquals(greedy, first.slice(0, 1));
  }
  const onlyEnds = { ...options, minNewTokens: 2, allowed: () => endOfText };
  await assertRejects(() => generate(model, [[5]], onlyEnds), RangeError, "No token may follow");
  await assertRejects(
    () => beamSearch(model, [[5]], { ...onlyEnds, beams: 2 }),
    RangeError,
    "No token may follow",
  );
});

Deno.test("logits that are no numbers end in an error, not in a text", async () => {
  for (const [bias, logit] of [[NaN, "NaN"], [3e38, "Infinity"]] as const) {
    using model = await Gpt2.load(gpu, files);
    gpu.write(model.norm.bias.tensor, new Float32Array([bias]));
    const table = new Float32Array(97 * 24);
    table[0] = 10; // 10 · 3e38 is beyond f32; all other logits are 0
    gpu.write(model.tokens.weight.tensor, table);
    const options = { maxNewTokens: 2 };
    const message = `logit of token 0 is ${logit}`;
    await assertRejects(() => generate(model, [[5]], options), RangeError, message);
    await assertRejects(
      () => generate(model, [[5]], { ...options, sample: {} }),
      RangeError,
      message,
    );
    await assertRejects(
      () => beamSearch(model, [[5]], { ...options, beams: 2 }),
      RangeError,
      message,
    );
  }
});

Deno.test("allowed tokens count once, and those of no vocabulary are named", async () => {
  using model = await Gpt2.load(gpu, files);
  const options = { maxNewTokens: 2, beams: 3, count: 3 };
  const once = await beamSearch(model, [[5]], { ...options, allowed: () => [3, 4] });
  const twice = await beamSearch(model, [[5]], { ...options, allowed: () => [3, 3, 4, 3] });
  assertEquals(twice, once);
  assertEquals(new Set(once[0].map(({ tokens }) => tokens.join())).size, 3);
  for (const token of [97, -1, 0.5, NaN]) {
    const allowed = () => [token, 3, 4];
    const message = `allowed() gave the token ${token}; expected tokens from 0 to 96`;
    await assertRejects(() => generate(model, [[5]], { ...options, allowed }), RangeError, message);
    await assertRejects(
      () => beamSearch(model, [[5]], { ...options, allowed }),
      RangeError,
      message,
    );
  }
});

Deno.test("prompts that are empty or too long are named", async () => {
  using model = await Gpt2.load(gpu, files);
  await assertRejects(
    () => generate(model, [[1], []], { maxNewTokens: 3 }),
    RangeError,
    "prompts[1] is empty",
  );
  await assertRejects(
    () => generate(model, [[1], [2, 0.5]], { maxNewTokens: 3 }),
    TypeError,
    "prompts[1][1] is 0.5",
  );
  await assertRejects(
    () => generate(model, [[1, 2, 3]], { maxNewTokens: 30 }),
    RangeError,
    "more than the 32 positions",
  );
  await assertRejects(
    () => beamSearch(model, [[1]], { beams: 2, count: 3, maxNewTokens: 2 }),
    RangeError,
    "count is 3",
  );
  for (const wrong of [{ minNewTokens: NaN }, { minNewTokens: -1 }, { lengthPenalty: NaN }]) {
    const [[name, value]] = Object.entries(wrong), options = { maxNewTokens: 3, ...wrong };
    const message = `${name} is ${value}`;
    await assertRejects(
      () => beamSearch(model, [[1]], { beams: 2, ...options }),
      RangeError,
      message,
    );
    if (name === "lengthPenalty") continue;
    await assertRejects(() => generate(model, [[1]], options), RangeError, message);
  }
});
