import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  executionOrder,
  makeFolder,
  selectNotebooks,
  stopped,
} from "../../lib/tasks/execute_all.ts";
import { commandFor, readArguments, resultLines } from "../../lib/tasks/report.ts";

const NAMES = ["01-tokenizers", "04-gpt2", "06-cut-cross-entropy"];

Deno.test("without arguments all notebooks are executed into reports", () => {
  assertEquals(readArguments([]), {
    only: [],
    scale: undefined,
    seed: undefined,
    out: "reports",
    pdf: false,
    execute: true,
    sweep: undefined,
  });
});

Deno.test("notebooks to execute may be named without --only", () => {
  assertEquals(readArguments(["04", "--only", "06", "05"])?.only, ["06", "04", "05"]);
});

Deno.test("after Ctrl-C it is said what is left and how to go on", () => {
  const executed = new Map([["01-tokenizers", { failure: "code cell 3 failed" }]]);
  const options = readArguments(["--out", "away", "--scale", "full"])!;
  const on = { directory: "away/notebooks", command: commandFor(options) };
  const said = stopped(NAMES, executed, on);
  assertStringIncludes(said, "are in away/notebooks");
  assert(said.endsWith("task report --out away --scale full 04 06"), said);
  assert(commandFor(readArguments([])!).endsWith("task report"));
  assertStringIncludes(stopped(NAMES, new Map(), on), "No notebook was executed");
});

Deno.test("a folder that cannot be written to is named, with what to do", async () => {
  const file = await Deno.makeTempFile();
  await assertRejects(
    () => makeFolder(join(file, "reports")),
    Error,
    `${join(file, "reports")} cannot be written to (Not a directory`,
  );
  await Deno.remove(file);
});

Deno.test("arguments are read, and --only may be repeated or separated by commas", () => {
  const options = readArguments(
    "--only 06,01 --only gpt2 --scale full --seed 7 --out away --pdf --no-execute".split(" "),
  );
  assertEquals(options, {
    only: ["06", "01", "gpt2"],
    scale: "full",
    seed: 7,
    out: "away",
    pdf: true,
    execute: false,
    sweep: undefined,
  });
  assertEquals(readArguments(["--sweep", "reports/sweeps"])?.sweep, "reports/sweeps");
  assertEquals(readArguments(["--help"]), undefined);
});

Deno.test("a wrong argument is named with what was expected", () => {
  assertThrows(() => readArguments(["--scale", "huge"]), Error, "expected smoke, laptop or full");
  assertThrows(() => readArguments(["--seed", "one"]), Error, "--seed is one");
  assertThrows(() => readArguments(["--nope"]), Error, "--nope");
});

Deno.test("notebooks are selected by number or part of the name, in their own order", () => {
  assertEquals(selectNotebooks(NAMES, []), NAMES);
  assertEquals(selectNotebooks(NAMES, ["06", "01"]), ["01-tokenizers", "06-cut-cross-entropy"]);
  assertThrows(() => selectNotebooks(NAMES, ["07"]), Error, "07 names no notebook");
});

Deno.test("results are listed by notebook, with units and errors", () => {
  const lines = resultLines([{
    name: "06-cut-cross-entropy",
    number: "06",
    title: "Cut *Cross*-Entropy",
    summary: "",
    results: [{ name: "Memory", value: 12346, unit: "MiB" }, { name: "Right", value: "yes" }],
    run: { seconds: 41.5 },
    failed: true,
  }]);
  assertEquals(lines, [
    "06-cut-cross-entropy: Cut Cross-Entropy (41.5 s), with an error",
    "    Memory  12,346 MiB",
    "    Right   yes",
  ]);
});

Deno.test("a notebook is executed after the one whose results it opens, if that is executed too", async () => {
  const directory = await Deno.makeTempDir();
  const write = (name: string, cutloss: Record<string, string>) =>
    Deno.writeTextFile(
      join(directory, `${name}.ipynb`),
      JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { cutloss }, cells: [] }),
    );
  await write("1-plays", { opens: "3-trains" });
  await write("2-plain", {});
  await write("3-trains", { opens: "1-plays" }); // a circle, of which one is first
  const folder = pathToFileURL(`${directory}/`);
  assertEquals(await executionOrder(["1-plays", "2-plain", "3-trains"], folder), [
    "3-trains",
    "1-plays",
    "2-plain",
  ]);
  assertEquals(await executionOrder(["1-plays", "2-plain"], folder), ["1-plays", "2-plain"]);
  await Deno.remove(directory, { recursive: true });
});
