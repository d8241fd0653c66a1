/**
 * `deno task test [WHAT …]`: runs the tests, and without WHAT also the examples in the docstrings of
 * lib and kernels; the last line is "N passed, N failed".
 *
 * WHAT is a file, a folder of tests ("gpu" is tests/gpu), an option of `deno test` such as
 * `--filter=word`, or else a text that the test names must contain.
 */
import { stripAnsi } from "../report/ansi.ts";
import { ensureAdapter } from "./adapter.ts";

const HELP = `deno task test: run all tests, and the examples in the docstrings.

  gpu, tests/x_test.ts   only the tests of a folder of tests, or of a file
  "some words"           only tests whose names contain these; so does --filter "some words"
  --fail-fast, …         options of deno test; one with a value is written --name=value
`;

/** How many tests ended how. */
export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Reads Deno's summary ("ok | 12 passed | 0 failed | 1 ignored (2 steps) (3s)"); undefined without
 * one. A step that was ignored counts as skipped: it is a test that found out late what is missing.
 */
export function readSummary(output: string): TestCounts | undefined {
  const lines = stripAnsi(output).split("\n");
  const summary = lines.findLast((line) => /^(ok|FAILED) \| \d+ passed/.test(line));
  if (!summary) return undefined;
  const count = (word: string) => Number(new RegExp(`\\| (\\d+) ${word}`).exec(summary)?.[1] ?? 0);
  const steps = Number(/ignored \((\d+) steps?\)/.exec(summary)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), skipped: count("ignored") + steps };
}

/** The last line: "12 passed, 0 failed", and how many were skipped if any were. */
export function lastLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * Turns arguments of `deno task test` into those of `deno test`. A `--` before them, as npm wants it,
 * is left out: `deno test` would hand what follows it to the tests.
 */
export function testArguments(
  args: readonly string[],
  exists: (path: string) => boolean,
): string[] {
  const given = args[0] === "--" ? args.slice(1) : args;
  return given.flatMap((arg, i) => {
    // The text after --filter is no place, and belongs to it.
    if (given[i - 1] === "--filter") return [];
    if (arg === "--filter" && i + 1 < given.length) return `--filter=${given[i + 1]}`;
    if (arg.startsWith("-") || exists(arg)) return arg;
    if (exists(`tests/${arg}`)) return `tests/${arg}`;
    return `--filter=${arg}`;
  });
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The sum of counts; undefined if one of them is, because a run did not come to its end. */
export function addCounts(all: readonly (TestCounts | undefined)[]): TestCounts | undefined {
  let sum: TestCounts | undefined = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of all) {
    sum = sum && counts && {
      passed: sum.passed + counts.passed,
      failed: sum.failed + counts.failed,
      skipped: sum.skipped + counts.skipped,
    };
  }
  return sum;
}

/** How a run of `deno test` ended. */
interface TestRun {
  code: number;
  counts: TestCounts | undefined;
}

/**
 * Runs `deno test` with these arguments and shows its output, but for files without any test.
 *
 * @param after shows the output only when this is settled, so that it is not mixed with another run's.
 */
async function runDenoTest(args: readonly string[], after?: Promise<unknown>): Promise<TestRun> {
  const { columns } = Deno.stdout.isTerminal() ? Deno.consoleSize() : { columns: undefined };
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...args],
    env: columns ? { FORCE_COLOR: "1" } : {},
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const encoder = new TextEncoder(), decoder = new TextDecoder();
  const show = (text: string) => Deno.stdout.writeSync(encoder.encode(text));
  let tail = "", held = "", later = "", isMyTurn = after === undefined;
  const turn = after?.finally(() => {
    isMyTurn = true;
    show(later);
  });
  for await (const chunk of child.stdout) {
    held += decoder.decode(chunk, { stream: true });
    // The beginning of a line that may become "running 0 tests from …" waits for its end.
    const end = held.lastIndexOf("\n") + 1;
    const ready = /running \d+ tests? from[^\n]*$/.test(held) ? held.slice(0, end) : held;
    held = held.slice(ready.length);
    const shown = ready.replace(/^.*running 0 tests from .*\n/gm, "");
    if (isMyTurn) show(shown);
    else later += shown;
    tail = (tail + shown).slice(-20_000);
  }
  const { code } = await child.status;
  await turn;
  return { code, counts: readSummary(tail) };
}

/** Folders whose tests run file beside file; the others' start programs or set variables. */
const SIDE_BY_SIDE = ["gpu", "tensor", "ops", "losses", "nn", "train", "text", "classic", "data"]
  .map((folder) => `tests/${folder}`);

/** Tests of the report's pages: about half of the time of all that are not side by side. */
function pageTests(): string[] {
  return [...Deno.readDirSync("tests/report")]
    .map(({ name }) => name)
    .filter((name) => name.endsWith("_test.ts") && !name.startsWith("jupyter"))
    .map((name) => `tests/report/${name}`);
}

async function runAllTests(): Promise<TestRun[]> {
  const quick = await runDenoTest(["--parallel", ...SIDE_BY_SIDE]);
  const pages = runDenoTest(pageTests());
  const rest = runDenoTest([`--ignore=${[...SIDE_BY_SIDE, ...pageTests()].join(",")}`], pages);
  return [quick, await pages, await rest, await runDenoTest(["--doc", "lib", "kernels"])];
}

/**
 * Runs the tests, shows their output, and prints the last line.
 *
 * Without arguments, files that touch nothing outside themselves run side by side, one a processor:
 * most of their time on the software adapter goes into compiling kernels, which takes one. Of the
 * others, those of the report's pages, which wait for browsers and kernels, run beside the rest.
 *
 * @returns The exit code.
 */
export async function runTests(args: readonly string[]): Promise<number> {
  const runs = args.length > 0
    ? [await runDenoTest(testArguments(args, exists))]
    : await runAllTests();
  const counts = addCounts(runs.map((run) => run.counts));
  if (!counts) console.log("The tests did not run to their end.");
  const none = counts && counts.passed + counts.failed + counts.skipped === 0;
  if (none) console.log(`No test has a name or a place like ${args.join(" ")}.`);
  console.log(lastLine(counts ?? { passed: 0, failed: 1, skipped: 0 }));
  return none ? 1 : runs.find(({ code }) => code !== 0)?.code ?? 0;
}

if (import.meta.main) {
  if (Deno.args.some((arg) => arg === "--help" || arg === "-h")) {
    console.log(HELP);
    Deno.exit(0);
  }
  await ensureAdapter();
  Deno.exit(await runTests(Deno.args));
}
