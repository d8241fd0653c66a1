import { assert, assertEquals, assertThrows } from "@std/assert";
import { LANGUAGE_NAMES } from "../../lib/data/code_languages.ts";
import { randomProgram } from "../../lib/data/code_program.ts";
import { LANGUAGE_COUNTS, makeCodeSnippets } from "../../lib/data/code_snippets.ts";
import { Random } from "../../lib/data/random.ts";

Deno.test("JavaScript programs are JavaScript", () => {
  const random = new Random(0);
  for (let i = 0; i < 300; i++) {
    // A second declaration of a name would be an error of syntax.
    new Function(randomProgram("javascript", random).join("\n"));
  }
});

for (const language of LANGUAGE_NAMES) {
  Deno.test(`${language} programs close what they open and leave no template unfilled`, () => {
    const random = new Random(1).fork(language);
    for (let i = 0; i < 100; i++) {
      const lines = randomProgram(language, random);
      const text = lines.join("\n");
      const count = (pattern: RegExp) => (text.match(pattern) ?? []).length;
      assertEquals(count(/\(/g), count(/\)/g), text);
      assertEquals(count(/\{/g), count(/\}/g), text);
      assert(!/\{(x|e|c|i|n|f|F|a|b|s|list)\}|undefined|NaN/.test(text), text);
      if (language === "ruby") {
        assertEquals(count(/^\s*(def|if|while|for) |\bdo\b/gm), count(/^\s*end$/gm), text);
      }
      if (language === "python") {
        for (const [k, line] of lines.entries()) {
          if (!line.endsWith(":")) continue;
          const indent = (s: string) => s.length - s.trimStart().length;
          const end = lines.findIndex((other, i) => i > k && indent(other) <= indent(line));
          const body = lines.slice(k + 1, end < 0 ? undefined : end);
          assert(body.some((statement) => !statement.trimStart().startsWith("#")), text);
        }
      }
    }
  });
}

Deno.test("45,000 snippets have the post's counts of rare languages, and all differ", () => {
  const snippets = makeCodeSnippets();
  assertEquals(snippets.length, 45_000);
  assertEquals(new Set(snippets.map(({ code }) => code)).size, 45_000);
  const counts = Object.groupBy(snippets, ({ language }) => language);
  for (const language of LANGUAGE_NAMES) {
    assertEquals(counts[language]!.length, LANGUAGE_COUNTS[language], language);
  }
  assertEquals([counts.r!.length, counts.scala!.length], [127, 270]);
});

Deno.test("a smaller set keeps the proportions and at least two of each language", () => {
  const snippets = makeCodeSnippets({ count: 1000, seed: 3 });
  assertEquals(snippets.length, 1000);
  const counts = Object.groupBy(snippets, ({ language }) => language);
  assertEquals(counts.r!.length, 3);
  assertEquals(
    makeCodeSnippets({ count: 100 }).filter(({ language }) => language === "r").length,
    2,
  );
  assert(Math.abs(counts.java!.length - 129) <= 5);
  for (const { code } of snippets) {
    const lines = code.split("\n");
    assert(lines.length <= 8);
    assert(lines.some((line) => line === line.trimStart()), "the shared indentation is removed");
  }
});

Deno.test("the same seed gives the same snippets, another seed other ones", () => {
  const make = (seed: number) => makeCodeSnippets({ count: 200, seed });
  assertEquals(make(1), make(1));
  const first = new Set(make(1).map(({ code }) => code));
  assert(make(2).every(({ code }) => !first.has(code)));
});

Deno.test("what cannot be made is refused", () => {
  assertThrows(() => makeCodeSnippets({ count: 29 }), RangeError, "count must be at least 30");
  assertThrows(() => makeCodeSnippets({ minLines: 5, maxLines: 4 }), RangeError, "minLines");
});
