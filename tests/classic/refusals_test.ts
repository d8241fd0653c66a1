/** What classic models refuse, in place of an answer that would be wrong. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  CountVectorizer,
  LinearSvm,
  LogisticRegression,
  MultinomialNaiveBayes,
  NgramModel,
  type SparseMatrix,
  TfidfVectorizer,
} from "cutloss/classic/mod.ts";

const TEXTS = ["aa bb", "bb cc", "aa cc", "dd"];
const LABELS = ["x", "y", "z", "x"];
const counts = new CountVectorizer().fitTransform(TEXTS);
const wider = new CountVectorizer().fitTransform(["aa bb cc dd ee"]);
const narrower = new CountVectorizer().fitTransform(["aa"]);

/** A matrix with another value in its second row, first entry: column 1. */
function withValue(value: number): SparseMatrix {
  const values = counts.values.slice();
  values[counts.rowStarts[1]] = value;
  return { ...counts, values };
}

/** Everything that asks a model for an answer. */
function answers(): Record<string, { fit(): void; ask(features: SparseMatrix): unknown }> {
  const logistic = new LogisticRegression(), svm = new LinearSvm();
  const bayes = new MultinomialNaiveBayes();
  const of = (model: typeof logistic | typeof svm | typeof bayes) => () =>
    void model.fit(counts, LABELS);
  return {
    "LogisticRegression.predict": { fit: of(logistic), ask: (x) => logistic.predict(x) },
    "LogisticRegression.probabilities": {
      fit: of(logistic),
      ask: (x) => logistic.probabilities(x),
    },
    "LinearSvm.predict": { fit: of(svm), ask: (x) => svm.predict(x) },
    "LinearSvm.decisions": { fit: of(svm), ask: (x) => svm.decisions(x) },
    "MultinomialNaiveBayes.predict": { fit: of(bayes), ask: (x) => bayes.predict(x) },
    "MultinomialNaiveBayes.probabilities": { fit: of(bayes), ask: (x) => bayes.probabilities(x) },
    "MultinomialNaiveBayes.jointLogLikelihood": {
      fit: of(bayes),
      ask: (x) => bayes.jointLogLikelihood(x),
    },
  };
}

for (const name of Object.keys(answers())) {
  Deno.test(`${name} asks for a fit first`, () => {
    assertThrows(() => answers()[name].ask(counts), Error, "The classifier must be fitted first.");
  });

  Deno.test(`${name} takes the columns of the fit only, and finite values`, () => {
    const { fit, ask } = answers()[name];
    fit();
    ask(counts);
    for (const [other, had] of [[wider, 5], [narrower, 1]] as const) {
      assertThrows(
        () => ask(other),
        RangeError,
        `must have the 4 columns of the fit, but had ${had}.`,
      );
    }
    for (const value of [NaN, Infinity, -Infinity]) {
      assertThrows(() => ask(withValue(value)), RangeError, `had ${value} in row 1, column 1.`);
    }
  });
}

Deno.test("weights of a linear classifier without a fit are no empty list", () => {
  for (const model of [new LogisticRegression(), new LinearSvm()]) {
    assertThrows(() => model.coefficients, Error, "fitted first");
    assertThrows(() => model.intercepts, Error, "fitted first");
    assertEquals(model.convergence, { converged: false, iterations: 0 });
  }
});

Deno.test("nothing is learned from a feature that is not finite, and the last fit stays", () => {
  for (const model of [new LogisticRegression(), new LinearSvm(), new MultinomialNaiveBayes()]) {
    for (const value of [NaN, Infinity]) {
      assertThrows(
        () => model.fit(withValue(value), LABELS),
        RangeError,
        `but had ${value} in row 1, column 1.`,
      );
    }
    assertThrows(() => model.predict(counts), Error, "fitted first");
    const before = model.fit(counts, LABELS).predict(counts);
    assertThrows(() => model.fit(withValue(NaN), ["k", "l", "m", "n"]), RangeError);
    assertEquals(model.predict(counts), before);
  }
  assertThrows(
    () => new MultinomialNaiveBayes().fit(withValue(-1), LABELS),
    RangeError,
    "counts must be finite and ≥ 0, but had -1 in row 1, column 1.",
  );
});

Deno.test("the row of what is not finite is named although rows before it are empty", () => {
  const matrix = new CountVectorizer().fit(["aa"]).transform(["", "aa", "", "", "aa", ""]);
  matrix.values[1] = NaN;
  assertThrows(
    () => new LogisticRegression().fit(matrix, ["x", "y", "x", "y", "x", "y"]),
    RangeError,
    "features must be finite, but had NaN in row 4, column 0.",
  );
});

Deno.test("a fit without iterations is refused", () => {
  for (const Model of [LogisticRegression, LinearSvm]) {
    assertThrows(
      () => new Model({ maxIterations: 0 }).fit(counts, LABELS),
      RangeError,
      "maxIterations must be a whole number ≥ 1, but was 0.",
    );
  }
});

// What types forbid, JavaScript and casts let through.
const one = "aa bb" as unknown as string[];
const mixed = ["aa", 3] as unknown as string[];

Deno.test("one text is not several texts of a character", () => {
  const sentence = "texts is a string; expected an iterable of texts, such as [text].";
  const fitted = new CountVectorizer().fit(TEXTS);
  assertThrows(() => new CountVectorizer().fit(one), TypeError, sentence);
  assertThrows(() => new CountVectorizer().fitTransform(one), TypeError, sentence);
  assertThrows(() => fitted.transform(one), TypeError, sentence);
  assertThrows(() => new TfidfVectorizer().fit(one), TypeError, sentence);
  assertThrows(() => new TfidfVectorizer().fit(TEXTS).transform(one), TypeError, sentence);
  for (const ask of [() => fitted.transform(mixed), () => new CountVectorizer().fit(mixed)]) {
    assertThrows(ask, TypeError, "texts has a number as item 1; expected strings.");
  }
});

Deno.test("a sentence of an n-gram model is a list of words", () => {
  const make = (sentences: unknown) => () => new NgramModel(sentences as string[][], { order: 2 });
  assertThrows(make(["the cat"]), TypeError, "sentences has a string as an item; expected lists");
  assertThrows(make("the cat"), TypeError, "sentences is a string; expected lists of words");
});
