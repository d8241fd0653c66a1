import { assert, assertEquals } from "@std/assert";

/** What lib/data and lib/classic offer to a browser: generators, splits, batches, models. */
const FOR_BROWSERS = [
  "lib/data/mod.ts",
  "lib/classic/mod.ts",
  "lib/data/random.ts",
  "lib/data/language_model.ts",
  "lib/data/batches.ts",
  "lib/data/splits.ts",
  "lib/data/scrambled_sentences.ts",
  "lib/data/code_snippets.ts",
  "lib/data/code_features.ts",
  "lib/data/retrieval.ts",
  "lib/data/retrieval_measures.ts",
  "lib/classic/order_words.ts",
  "lib/classic/word_order_measures.ts",
  "lib/classic/tfidf.ts",
  "lib/classic/logistic_regression.ts",
  "lib/classic/linear_svm.ts",
  "lib/classic/naive_bayes.ts",
  "lib/classic/classification_measures.ts",
  "lib/classic/calibration.ts",
];

Deno.test("generators and classic models run in a browser: no Deno, no node:, no packages", async () => {
  const seen = new Set<string>();
  const queue = FOR_BROWSERS.map((path) => new URL(`../../${path}`, import.meta.url).href);
  while (queue.length > 0) {
    const url = queue.pop()!;
    if (seen.has(url)) continue;
    seen.add(url);
    const source = await Deno.readTextFile(new URL(url));
    const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    assert(!/\bDeno\b|\bprocess\./.test(code), `${url} uses Deno`);
    for (const [, specifier] of code.matchAll(/(?:from|import)\s+"([^"]+)"/g)) {
      assert(specifier.startsWith("."), `${url} imports ${specifier}`);
      queue.push(new URL(specifier, url).href);
    }
  }
  assertEquals([...seen].filter((url) => /lib\/(gpu|tensor|ops|nn|train|hub)\//.test(url)), []);
});
