import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { calibrationOf, confidencesOf } from "../../lib/classic/calibration.ts";
import { measureClassification } from "../../lib/classic/classification_measures.ts";
import { CountVectorizer } from "../../lib/classic/count_vectorizer.ts";
import { LinearSvm } from "../../lib/classic/linear_svm.ts";
import { LogisticRegression } from "../../lib/classic/logistic_regression.ts";
import { MultinomialNaiveBayes } from "../../lib/classic/naive_bayes.ts";
import type { SparseMatrix } from "../../lib/classic/sparse_matrix.ts";
import { TfidfVectorizer } from "../../lib/classic/tfidf.ts";
import { codeTokens, WORDS_AND_PUNCTUATION } from "../../lib/classic/token_patterns.ts";

interface Matrix {
  shape: [number, number];
  rowStarts: number[];
  columnIndices: number[];
  values: number[];
}
interface Model {
  coefficients: number[][];
  intercepts: number[];
  predictions: string[];
}
const REFERENCE = JSON.parse(
  await Deno.readTextFile(new URL("../fixtures/classic/reference.json", import.meta.url)),
) as {
  trainTexts: string[];
  trainLabels: string[];
  testTexts: string[];
  testLabels: string[];
  vectors: Record<
    string,
    { features: string[]; train: Matrix; test: Matrix; idf?: number[]; maxFeatures?: number }
  >;
  bayes: Record<string, { joint: number[][]; probabilities: number[][]; predictions: string[] }>;
  logistic: Model & { probabilities: number[][] };
  logisticStrong: Model & { probabilities: number[][] };
  logisticTwo: Model & { probabilities: number[][] };
  svm: Model & { decisions: number[][] };
  svmStrong: Model & { decisions: number[][] };
  svmTwo: Model & { decisions: number[] };
  measures: {
    accuracy: number;
    macroF1: number;
    weightedF1: number;
    confusion: number[][];
    precision: number[];
    recall: number[];
    f1: number[];
    support: number[];
    odd: {
      truths: string[];
      predictions: string[];
      macroF1: number;
      weightedF1: number;
      confusion: number[][];
    };
  };
  calibration: { accuracy: number[]; confidence: number[] };
};
const { trainTexts, trainLabels, testTexts, testLabels } = REFERENCE;

/** What issues from minimisers is compared within 1e-6, everything else within rounding. */
function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  assertEquals(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assertAlmostEquals(
      actual[i],
      expected[i],
      tolerance * (1 + Math.abs(expected[i])),
      `number ${i}`,
    );
  }
}

function assertMatrix(actual: SparseMatrix, expected: Matrix): void {
  assertEquals([actual.rows, actual.columns], expected.shape);
  assertEquals([...actual.rowStarts], expected.rowStarts);
  assertEquals([...actual.columnIndices], expected.columnIndices);
  assertClose(actual.values, expected.values, 1e-12);
}

const VECTORIZERS = {
  default: new CountVectorizer(),
  bigrams: new CountVectorizer({ ngramRange: [1, 2], minDf: 2, maxDf: 0.6, lowercase: false }),
  binary: new CountVectorizer({ binary: true, tokens: WORDS_AND_PUNCTUATION }),
  tfidf: new TfidfVectorizer(),
  tfidfOptions: new TfidfVectorizer({
    smoothIdf: false,
    sublinearTf: true,
    norm: "l1",
    ngramRange: [1, 3],
    minDf: 0.05,
    tokens: WORDS_AND_PUNCTUATION,
  }),
  tfidfRaw: new TfidfVectorizer({ norm: null }),
  mostFrequent: new TfidfVectorizer({
    maxFeatures: REFERENCE.vectors.mostFrequent.maxFeatures,
    tokens: codeTokens,
    ngramRange: [1, 2],
  }),
};

for (const [name, vectorizer] of Object.entries(VECTORIZERS)) {
  Deno.test(`vectors "${name}" equal scikit-learn's`, () => {
    const expected = REFERENCE.vectors[name];
    assertMatrix(vectorizer.fitTransform(trainTexts), expected.train);
    assertEquals(vectorizer.features, expected.features);
    assertMatrix(vectorizer.transform(testTexts), expected.test);
    if (vectorizer instanceof TfidfVectorizer) assertClose(vectorizer.idf, expected.idf!, 1e-12);
  });
}

for (
  const [name, options] of [["default", {}], ["lidstone", { alpha: 0.1, fitPrior: false }]] as const
) {
  Deno.test(`naive Bayes "${name}" equals scikit-learn's`, () => {
    const vectorizer = new CountVectorizer({ tokens: WORDS_AND_PUNCTUATION });
    const model = new MultinomialNaiveBayes(options);
    model.fit(vectorizer.fitTransform(trainTexts), trainLabels);
    const test = vectorizer.transform(testTexts);
    const expected = REFERENCE.bayes[name];
    assertClose(model.jointLogLikelihood(test), expected.joint.flat(), 1e-12);
    assertClose(model.probabilities(test), expected.probabilities.flat(), 1e-12);
    assertEquals(model.predict(test), expected.predictions);
  });
}

const weights = new TfidfVectorizer({ tokens: WORDS_AND_PUNCTUATION }).fit(trainTexts);
const EXACT = { tolerance: 1e-10, maxIterations: 10_000 };
/** All rows, or those of the first two classes. */
function training(two: boolean): [string[], string[]] {
  const rows = trainLabels.map((_, i) => i).filter((i) => !two || trainLabels[i] !== "r");
  return [rows.map((i) => trainTexts[i]), rows.map((i) => trainLabels[i])];
}

for (const [name, C] of [["logistic", 1], ["logisticStrong", 30], ["logisticTwo", 1]] as const) {
  Deno.test(`"${name}" regression equals scikit-learn's`, () => {
    const [texts, labels] = training(name === "logisticTwo");
    const model = new LogisticRegression({ C, ...EXACT }).fit(weights.transform(texts), labels);
    const test = weights.transform(testTexts);
    const expected = REFERENCE[name];
    assert(model.convergence.converged);
    assertClose(model.probabilities(test), expected.probabilities.flat(), 1e-6);
    assertClose(model.coefficients, expected.coefficients.flat(), 1e-6);
    assertEquals(model.predict(test), expected.predictions);
    // scikit-learn leaves the intercepts' common constant free: compare differences.
    const relative = (b: ArrayLike<number>) =>
      b.length === 1 ? [b[0]] : Array.from(b, (x) => x - b[0]);
    assertClose(relative(model.intercepts), relative(expected.intercepts), 1e-6);
  });
}

for (const [name, C] of [["svm", 1], ["svmStrong", 10], ["svmTwo", 1]] as const) {
  Deno.test(`"${name}" equals scikit-learn's LinearSVC`, () => {
    const [texts, labels] = training(name === "svmTwo");
    const model = new LinearSvm({ C, ...EXACT }).fit(weights.transform(texts), labels);
    const test = weights.transform(testTexts);
    const expected = REFERENCE[name];
    assertClose(model.coefficients, expected.coefficients.flat(), 1e-6);
    assertClose(model.intercepts, expected.intercepts, 1e-6);
    assertClose(model.decisions(test), expected.decisions.flat(), 1e-6);
    assertEquals(model.predict(test), expected.predictions);
  });
}

Deno.test("accuracy, F1 and the confusion matrix equal scikit-learn's", () => {
  const expected = REFERENCE.measures;
  const actual = measureClassification(testLabels, REFERENCE.bayes.default.predictions);
  assertAlmostEquals(actual.accuracy, expected.accuracy, 1e-12);
  assertAlmostEquals(actual.macroF1, expected.macroF1, 1e-12);
  assertAlmostEquals(actual.weightedF1, expected.weightedF1, 1e-12);
  assertEquals(actual.confusion, expected.confusion);
  for (const key of ["precision", "recall", "f1", "support"] as const) {
    assertClose(actual.classes.map((c) => c[key]), expected[key], 1e-12);
  }
});

Deno.test("classes never predicted or never true count as in scikit-learn", () => {
  const { truths, predictions, macroF1, weightedF1, confusion } = REFERENCE.measures.odd;
  const actual = measureClassification(truths, predictions);
  assertAlmostEquals(actual.macroF1, macroF1, 1e-12);
  assertAlmostEquals(actual.weightedF1, weightedF1, 1e-12);
  assertEquals(actual.confusion, confusion);
});

Deno.test("the calibration curve equals scikit-learn's", () => {
  const { probabilities, predictions } = REFERENCE.bayes.default;
  const confidences = confidencesOf(probabilities.flat(), 3);
  const right = predictions.map((label, i) => label === testLabels[i]);
  const bins = calibrationOf(confidences, right, { bins: 5 }).bins.filter(({ count }) => count > 0);
  assertClose(bins.map((bin) => bin.accuracy), REFERENCE.calibration.accuracy, 1e-12);
  assertClose(bins.map((bin) => bin.confidence), REFERENCE.calibration.confidence, 1e-12);
});
