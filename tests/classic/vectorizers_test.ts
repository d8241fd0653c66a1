import { assert, assertEquals, assertThrows } from "@std/assert";
import { CountVectorizer } from "../../lib/classic/count_vectorizer.ts";
import { MultinomialNaiveBayes } from "../../lib/classic/naive_bayes.ts";
import { addTransposedProduct, multiply } from "../../lib/classic/sparse_matrix.ts";
import { TfidfTransformer } from "../../lib/classic/tfidf.ts";
import { codeTokens, WORDS, WORDS_AND_PUNCTUATION } from "../../lib/classic/token_patterns.ts";
import { calibrationOf } from "../../lib/classic/calibration.ts";
import { measureClassification } from "../../lib/classic/classification_measures.ts";

const LINE = "for (i = 0; i < n_max; i++) x[i] += 2.50;";

Deno.test("scikit-learn's default pattern drops punctuation and single letters", () => {
  assertEquals(LINE.match(WORDS) as string[], ["for", "n_max", "50"]);
});

Deno.test("the other pattern keeps them, mark by mark", () => {
  const tokens = "x += 2.50;".match(WORDS_AND_PUNCTUATION) as string[];
  assertEquals(tokens, ["x", "+", "=", "2", ".", "50", ";"]);
});

Deno.test("code tokens keep line breaks and tabs and make numbers alike", () => {
  assertEquals(codeTokens("if a1 > 27:\n\tx = 2.50"), [
    ...["if", "a", "0", ">", "0", ":", "\n", "\t", "x", "=", "0.0"],
  ]);
});

Deno.test("maxFeatures keeps the most frequent features, ties by the alphabet", () => {
  const vectorizer = new CountVectorizer({ maxFeatures: 3 });
  vectorizer.fit(["dd cc bb aa", "dd dd", "cc cc cc"]);
  assertEquals(vectorizer.features, ["aa", "cc", "dd"]);
});

Deno.test("45,000 texts and 20,000 features take memory in proportion to their words", () => {
  const texts = Array.from({ length: 45_000 }, (_, i) => `word${i % 20_000} common other${i % 7}`);
  const counts = new CountVectorizer().fitTransform(texts);
  assertEquals([counts.rows, counts.columns], [45_000, 20_008]);
  assertEquals(counts.values.length, 3 * 45_000);
});

Deno.test("sparse products equal dense ones", () => {
  const matrix = new CountVectorizer().fitTransform(["aa aa bb", "cc", "", "bb cc"]);
  const dense = [[2, 1, 0], [0, 0, 1], [0, 0, 0], [0, 1, 1]];
  const right = Float64Array.of(1, 2, 3, 4, 5, 6);
  const product = dense.flatMap((row) =>
    [0, 1].map((j) => row.reduce((sum, x, k) => sum + x * right[2 * k + j], 0))
  );
  assertEquals([...multiply(matrix, right, 2)], product);
  const left = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const out = new Float64Array(6).fill(1);
  addTransposedProduct(matrix, left, 2, out);
  const expected = [0, 1, 2].flatMap((k) =>
    [0, 1].map((j) => 1 + dense.reduce((sum, row, i) => sum + row[k] * left[2 * i + j], 0))
  );
  assertEquals([...out], expected);
});

Deno.test("what cannot be vectorized is refused", () => {
  assertThrows(() => new CountVectorizer().transform(["aa"]), Error, "fitted first");
  assertThrows(() => new CountVectorizer().fit(["", "a"]), RangeError, "No feature");
  assertThrows(() => new CountVectorizer({ tokens: /x/ }), TypeError, "global");
  assertThrows(() => new CountVectorizer({ ngramRange: [2, 1] }), RangeError, "ngramRange");
  const counts = new CountVectorizer().fitTransform(["aa bb"]);
  const other = new CountVectorizer().fitTransform(["aa"]);
  assertThrows(() => new TfidfTransformer().fit(counts).transform(other), RangeError, "2 columns");
});

Deno.test("labels that do not fit the rows are refused", () => {
  const counts = new CountVectorizer().fitTransform(["aa", "bb"]);
  const model = new MultinomialNaiveBayes();
  assertThrows(() => model.fit(counts, ["x"]), RangeError, "2 labels");
  assertThrows(() => model.fit(counts, ["x", "x"]), RangeError, "two different values");
  assertThrows(() => new MultinomialNaiveBayes({ alpha: 0 }), RangeError, "alpha");
});

Deno.test("measures refuse unlisted labels and empty lists", () => {
  assertThrows(() => measureClassification([], []), RangeError, "and some");
  assertThrows(
    () => measureClassification(["a"], ["z"], { labels: ["a", "b"] }),
    RangeError,
    'Row 0 has the label "z"',
  );
});

Deno.test("perfectly calibrated predictions have no calibration error, boastful ones have", () => {
  const right = Array.from({ length: 100 }, (_, i) => i % 4 !== 0);
  const even = calibrationOf(new Array(100).fill(0.75), right);
  assert(even.expectedCalibrationError < 1e-12);
  const boastful = calibrationOf(new Array(100).fill(1), right);
  assertEquals(boastful.expectedCalibrationError, 0.25);
  assertEquals(boastful.bins.at(-1)!.count, 100);
  assertThrows(() => calibrationOf([1.5], [true]), RangeError, "number 0 was 1.5");
});
