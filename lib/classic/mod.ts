/**
 * Classic models of text, with scikit-learn's names and results, and measures of any model's answers:
 * counts and tf-idf, naive Bayes, logistic regression, a support vector machine, n-grams; accuracy,
 * F1, calibration, BLEU and intervals. On the CPU, with web standards only.
 *
 * ```ts
 * import { LogisticRegression, TfidfVectorizer, WORDS_AND_PUNCTUATION } from "cutloss/classic/mod.ts";
 *
 * const vectorizer = new TfidfVectorizer({ tokens: WORDS_AND_PUNCTUATION });
 * const features = vectorizer.fitTransform(["let x = 1;", "let y = x;", "x <- 1", "y <- x"]);
 * const model = new LogisticRegression().fit(features, ["javascript", "javascript", "r", "r"]);
 * console.log(model.predict(vectorizer.transform(["z <- 2"]))); // ["r"]
 * ```
 *
 * @module
 */
export { BLEU_ORDER, bleuOfStatistics, bleuStatistics, corpusBleu } from "./bleu.ts";
export { bootstrap, type BootstrapOptions, type Interval } from "./bootstrap.ts";
export {
  type Calibration,
  type CalibrationBin,
  calibrationOf,
  confidencesOf,
} from "./calibration.ts";
export {
  type ClassificationMeasures,
  type ClassMeasures,
  measureClassification,
} from "./classification_measures.ts";
export { CountVectorizer, type CountVectorizerOptions } from "./count_vectorizer.ts";
export { minimize, type MinimizeOptions, type Minimum, type Objective } from "./lbfgs.ts";
export { LinearClassifier, type LinearClassifierOptions } from "./linear_classifier.ts";
export { LinearSvm, type LinearSvmOptions } from "./linear_svm.ts";
export { LogisticRegression, type LogisticRegressionOptions } from "./logistic_regression.ts";
export { meanInterval, studentQuantile } from "./mean_interval.ts";
export { MultinomialNaiveBayes, type NaiveBayesOptions } from "./naive_bayes.ts";
export { NgramModel, type NgramModelOptions } from "./ngram_model.ts";
export { orderWords } from "./order_words.ts";
export { type SparseMatrix, SparseMatrixBuilder } from "./sparse_matrix.ts";
export { type TfidfOptions, TfidfTransformer, TfidfVectorizer } from "./tfidf.ts";
export { codeTokens, WORDS, WORDS_AND_PUNCTUATION } from "./token_patterns.ts";
export { measureWordOrder, type WordOrderMeasures } from "./word_order_measures.ts";
