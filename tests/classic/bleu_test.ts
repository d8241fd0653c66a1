import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { bleuOfStatistics, bleuStatistics, corpusBleu } from "../../lib/classic/bleu.ts";

const REFERENCE = JSON.parse(
  await Deno.readTextFile(new URL("../fixtures/bleu/reference.json", import.meta.url)),
) as { references: string[]; outputs: string[]; corpus: number; smoothed: number[] };
const split = (line: string) => line.split(" ");

Deno.test("the precisions of the paper's first example are its own", () => {
  // Papineni et al. 2002, section 2.1: the clipped unigram precision of this candidate is 2/7.
  const statistics = bleuStatistics(
    split("the cat is on the mat"),
    split("the the the the the the the"),
  );
  assertEquals(statistics.slice(0, 3), [7, 6, 2]);
  assertEquals(statistics[6], 7);
});

Deno.test("corpus BLEU equals sacrebleu's", () => {
  const { references, outputs, corpus } = REFERENCE;
  assertAlmostEquals(corpusBleu(references.map(split), outputs.map(split)), corpus, 1e-12);
});

Deno.test("smoothed sentence BLEU equals sacrebleu's", () => {
  const { references, outputs, smoothed } = REFERENCE;
  for (const [i, expected] of smoothed.entries()) {
    const statistics = bleuStatistics(split(references[i]), split(outputs[i]));
    assertAlmostEquals(bleuOfStatistics(statistics, { smooth: true }), expected, 1e-12);
  }
});

Deno.test("BLEU is 1 for the reference, 0 without a common word or 4-gram", () => {
  const sentence = split("a b c d e");
  assertEquals(corpusBleu([sentence], [sentence]), 1);
  assertEquals(corpusBleu([sentence], [split("v w x y z")]), 0);
  assertEquals(corpusBleu([sentence], [split("e d c b a")]), 0);
  assertEquals(corpusBleu([sentence], [[]]), 0);
  assertThrows(() => corpusBleu([sentence], []), RangeError, "1 and 0");
});
