import { assert, assertEquals } from "@std/assert";
import { addCounts, lastLine, readSummary, testArguments } from "../../lib/tasks/test.ts";

Deno.test("the summary of deno test is read through its colours", () => {
  const output = "one ... \x1b[0m\x1b[32mok\x1b[0m (2ms)\n\n" +
    "\x1b[0m\x1b[31mFAILED\x1b[0m | 12 passed (3 steps) | 2 failed (1 step) | 4 ignored (3s)\n\n";
  assertEquals(readSummary(output), { passed: 12, failed: 2, skipped: 4 });
  assertEquals(readSummary("ok | 3 passed | 0 failed (104ms)\n"), {
    passed: 3,
    failed: 0,
    skipped: 0,
  });
});

Deno.test("output without a summary is told from one with no tests", () => {
  assertEquals(readSummary("error: Type checking failed.\n"), undefined);
});

Deno.test("the last line names skipped tests only if there are any", () => {
  assertEquals(lastLine({ passed: 5, failed: 1, skipped: 0 }), "5 passed, 1 failed");
  assertEquals(lastLine({ passed: 5, failed: 0, skipped: 2 }), "5 passed, 0 failed, 2 skipped");
});

Deno.test("arguments become places of tests, options, or a filter", () => {
  const exists = (path: string) => ["tests/gpu", "tests/x_test.ts"].includes(path);
  assertEquals(testArguments(["gpu", "tests/x_test.ts", "--fail-fast", "softcap"], exists), [
    "tests/gpu",
    "tests/x_test.ts",
    "--fail-fast",
    "--filter=softcap",
  ]);
});

Deno.test("a filter is one whether written in one argument, in two, or after npm's two dashes", () => {
  const exists = (path: string) => path === "tests/gpu";
  for (
    const args of [["a b"], ["--filter=a b"], ["--filter", "a b"], ["--", "--filter", "a b"]]
  ) assertEquals(testArguments(args, exists), ["--filter=a b"], args.join(" "));
  assertEquals(testArguments(["--filter", "gpu", "gpu"], exists), ["--filter=gpu", "tests/gpu"]);
  // What is wrong with it, deno test says.
  assertEquals(testArguments(["--filter"], exists), ["--filter"]);
});

/** The lines of all tests' files in a folder. */
async function testLines(folder: URL): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) lines.push(...await testLines(new URL(`${name}/`, folder)));
    if (!name.endsWith("_test.ts")) continue;
    lines.push(...(await Deno.readTextFile(new URL(name, folder))).split("\n"));
  }
  return lines;
}

Deno.test("the words that CONTRIBUTING.md filters by are in names of tests", async () => {
  const text = await Deno.readTextFile(new URL("../../CONTRIBUTING.md", import.meta.url));
  const [, words] = /task test "(.*?)"/.exec(text)!;
  const names = (await testLines(new URL("../", import.meta.url)))
    .filter((line) => /^\s*(Deno\.test\(["`]|name: )/.test(line));
  assert(names.some((name) => name.includes(words)), words);
});

Deno.test("a step that was skipped counts, for its test could do nothing else", () => {
  assertEquals(
    readSummary("ok | 2 passed | 0 failed | 1 ignored (2 steps) | 3 filtered out (3s)"),
    {
      passed: 2,
      failed: 0,
      skipped: 3,
    },
  );
});

Deno.test("several runs are counted together, unless one did not come to its end", () => {
  const one = { passed: 5, failed: 1, skipped: 0 }, other = { passed: 2, failed: 0, skipped: 3 };
  assertEquals(addCounts([one, other]), { passed: 7, failed: 1, skipped: 3 });
  assertEquals(addCounts([one, undefined, other]), undefined);
});
