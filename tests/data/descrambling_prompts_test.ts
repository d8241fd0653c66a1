import { assert, assertEquals, assertThrows } from "@std/assert";
import { DescramblingBatches, DescramblingPrompts } from "../../lib/data/descrambling_prompts.ts";
import { makeScrambledSentences } from "../../lib/data/scrambled_sentences.ts";
import { trainBpe } from "../../lib/text/mod.ts";

const sentences = makeScrambledSentences({ level: 2, train: 300, validation: 5, test: 5 }).train;
const END = "<|endoftext|>";
// So small a vocabulary that most words are several tokens.
const tokenizer = trainBpe(
  ["wrong sentence: correct sentence:", ...sentences.map(({ label }) => ` ${label}`)],
  { vocabSize: 400, specialTokens: [END] },
);
const prompts = new DescramblingPrompts(tokenizer, { longest: 256 });

Deno.test("an example is prompt, answer and end; labels are −100 on the prompt alone", () => {
  for (const { text, label } of sentences.slice(0, 20)) {
    const { ids, labels, promptLength, cut } = prompts.encode({ text, label });
    assertEquals(
      tokenizer.decode(ids),
      `wrong sentence: ${text} correct sentence: ${label}${END}`,
    );
    assertEquals(tokenizer.decode(ids.subarray(0, promptLength)), prompts.promptOf(text));
    assertEquals([...labels.subarray(0, promptLength)], Array(promptLength).fill(-100));
    assertEquals(labels.subarray(promptLength), ids.subarray(promptLength));
    assertEquals([labels.at(-1), cut], [prompts.endOfText, 0]);
    assertEquals([...ids.subarray(0, promptLength)], prompts.encodePrompt(text));
  }
});

Deno.test("words one by one have the tokens of the whole, with punctuation too", () => {
  const odd = "  We propose\tan order-free, self-checking method (2 steps); it's fast.\n";
  for (const text of [odd, ...sentences.slice(0, 20).map(({ label }) => label)]) {
    const words = prompts.encodeWords(text);
    const whole = tokenizer.encode(" " + text.trim().split(/\s+/).join(" ")).ids;
    assertEquals(words.flat(), Array.from(whole));
    assertEquals(words.length, text.trim().split(/\s+/).length);
    assertEquals(
      prompts.readAnswer([...words.flat(), prompts.endOfText, 5, 5]).join(" "),
      [
        ...text.trim().split(/\s+/),
      ].join(" "),
    );
  }
});

Deno.test("too long examples lose the end of their answer, and say how much", () => {
  const short = new DescramblingPrompts(tokenizer, { longest: 30 });
  const long = sentences.find(({ label }) => prompts.encodeWords(label).flat().length > 20)!;
  const whole = prompts.encode(long), { ids, labels, cut } = short.encode(long);
  assertEquals([ids.length, labels.length, cut], [30, 30, whole.ids.length - 30]);
  assertEquals(ids, whole.ids.subarray(0, 30));
  assertEquals(labels, whole.labels.subarray(0, 30));
});

Deno.test("without learning the end, its label alone is gone", () => {
  const asPost = new DescramblingPrompts(tokenizer, { learnEnd: false, longest: 256 });
  const { ids, labels } = prompts.encode(sentences[0]), other = asPost.encode(sentences[0]);
  assertEquals(other.ids, ids);
  assertEquals(other.labels.at(-1), -100);
  assertEquals(other.labels.subarray(0, -1), labels.subarray(0, -1));
});

Deno.test("a batch is filled up on the right, and nothing is learned or seen there", () => {
  const examples = sentences.slice(0, 4).map((sentence) => prompts.encode(sentence));
  const { ids, labels, mask } = prompts.batch(examples);
  const time = Math.max(...examples.map((example) => example.ids.length));
  assert(examples.some((example) => example.ids.length < time), "one needs padding");
  examples.forEach((example, b) => {
    const length = example.ids.length;
    assertEquals([ids[b].length, labels[b].length, mask[b].length], [time, time, time]);
    assertEquals(ids[b].subarray(0, length), example.ids);
    assertEquals(labels[b].subarray(0, length), example.labels);
    assertEquals(mask[b].subarray(0, length), new Int32Array(length).fill(1));
    assert(labels[b].subarray(length).every((label) => label === -100));
    assert(mask[b].subarray(length).every((flag) => flag === 0));
  });
});

Deno.test("batches hold each example once an epoch, and go on from any position", () => {
  const examples = sentences.slice(0, 42).map((sentence) => prompts.encode(sentence));
  const source = () => new DescramblingBatches(prompts, examples, { batchSize: 5, seed: 4 });
  const batches = source(), all = Array.from({ length: 16 }, () => batches.next());
  assertEquals(batches.batchesPerEpoch, 8);
  const key = (ids: Int32Array, mask: Int32Array) => ids.filter((_, t) => mask[t] === 1).join();
  const seen = all.slice(0, 8).flatMap(({ ids, mask }) => ids.map((row, i) => key(row, mask[i])));
  assertEquals(new Set(seen).size, 40);
  const known = new Set(examples.map(({ ids }) => ids.join()));
  assert(seen.every((row) => known.has(row)));
  const resumed = source();
  resumed.position = { epoch: 1, batch: 3 };
  assertEquals(resumed.next(), all[11]);
});

Deno.test("a tokenizer without the end of text is refused", () => {
  assertThrows(
    () => new DescramblingPrompts(tokenizer, { endOfText: "[SEP]" }),
    RangeError,
    'endOfText is "[SEP]"',
  );
});
