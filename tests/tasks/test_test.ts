import { assertEquals } from "@std/assert";
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

Deno.test("several runs are counted together, unless one did not come to its end", () => {
  const one = { passed: 5, failed: 1, skipped: 0 }, other = { passed: 2, failed: 0, skipped: 3 };
  assertEquals(addCounts([one, other]), { passed: 7, failed: 1, skipped: 3 });
  assertEquals(addCounts([one, undefined, other]), undefined);
});
