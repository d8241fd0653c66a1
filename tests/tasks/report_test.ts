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
import { commandFor, originLine, readArguments, resultLines } from "../../lib/tasks/report.ts";
import { copyStored, originsOf } from "../../lib/tasks/stored_copies.ts";
import { runTask } from "./run_task.ts";

const NAMES = ["01-tokenizers", "04-gpt2", "06-cut-cross-entropy"];

Deno.test("without arguments all notebooks are executed into reports", () => {
  assertEquals(readArguments([]), {
    only: [],
    scale: undefined,
    seed: undefined,
    out: "reports",
    pdf: false,
    execute: true,
    stored: false,
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
    stored: false,
    sweep: undefined,
  });
  const stored = readArguments(["--stored"])!;
  assertEquals([stored.execute, stored.stored], [false, true], "nothing is executed then either");
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
  assertEquals(selectNotebooks(NAMES, ["to", "entropy"]), ["01-tokenizers", NAMES[2]]);
  assertThrows(() => selectNotebooks(NAMES, ["07"]), Error, "07 names no notebook");
  assertThrows(() => selectNotebooks(NAMES, [""]), Error, "An empty text names no notebook");
});

Deno.test("a number selects the notebook numbered so, not those whose names hold the digit", () => {
  const names = ["02-bert", "04-gpt2", "12-more"];
  assertEquals(selectNotebooks(names, ["2"]), ["02-bert"]);
  assertEquals(selectNotebooks(names, ["02", "012"]), ["02-bert", "12-more"]);
  assertEquals(selectNotebooks(names, ["gpt2"]), ["04-gpt2"]);
  assertThrows(() => selectNotebooks(names, ["0"]), Error, "0 names no notebook; there are 02-");
});

/** A folder of stored notebooks and one that they are copied to, of which both go with it. */
async function copies() {
  const root = await Deno.makeTempDir();
  const folder = pathToFileURL(`${root}/stored/`), directory = join(root, "copies");
  await Deno.mkdir(folder);
  await Deno.mkdir(directory);
  const text = (title: string) =>
    JSON.stringify({ cells: [], metadata: { title }, nbformat: 4, nbformat_minor: 5 });
  return {
    folder,
    directory,
    store: (name: string, title: string) =>
      Deno.writeTextFile(new URL(`${name}.ipynb`, folder), text(title)),
    execute: (name: string, title: string) =>
      Deno.writeTextFile(join(directory, `${name}.ipynb`), text(title)),
    read: async (name: string) =>
      JSON.parse(await Deno.readTextFile(join(directory, `${name}.ipynb`))).metadata.title,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

Deno.test("what was executed here is kept beside stored notebooks, unless those are asked for", async () => {
  await using place = await copies();
  const { folder, directory, store, execute, read } = place;
  const names = ["01-a", "02-b"];
  for (const name of names) await store(name, "stored");
  await execute("01-a", "mine");
  await copyStored(names, directory, { folder, overwrite: false });
  assertEquals([await read("01-a"), await read("02-b")], ["mine", "stored"]);
  assertEquals(await originsOf([...names, "03-c"], directory), { own: ["01-a"], stored: ["02-b"] });
  await execute("02-b", "mine too");
  await copyStored(names, directory, { folder, overwrite: false });
  assertEquals(await read("02-b"), "mine too");
  await copyStored(names, directory, { folder, overwrite: true });
  assertEquals([await read("01-a"), await read("02-b")], ["stored", "stored"]);
  assertEquals(await originsOf(names, directory), { own: [], stored: names });
});

Deno.test("a copy of what the repository stored before makes way for what it stores now", async () => {
  await using place = await copies();
  const { folder, directory, store, execute, read } = place;
  await store("01-a", "old");
  await execute("01-a", "old"); // by a version that wrote down nothing
  await copyStored(["01-a"], directory, { folder, overwrite: false });
  await store("01-a", "new");
  await copyStored(["01-a"], directory, { folder, overwrite: false });
  assertEquals(await read("01-a"), "new");
});

Deno.test("one line says which outputs are shown from where, and how to see the others", () => {
  assertEquals(
    originLine({ own: ["01-a"], stored: ["02-b", "03-c"] }, "away/notebooks"),
    "Shown as they are in away/notebooks: 01-a; as stored in the repository: 02-b, 03-c " +
      "(--stored shows all as stored).",
  );
  assertEquals(
    originLine({ own: [], stored: ["02-b"] }, "away/notebooks"),
    "Shown as stored in the repository: 02-b.",
  );
});

Deno.test("the site of the stored outputs is the same when it is made again", async () => {
  const out = await Deno.makeTempDir();
  for (let time = 1; time <= 2; time++) {
    const { code, printed, complaint } = await runTask(
      ["lib/tasks/report.ts", "01", "--no-execute", "--out", out],
    );
    assertEquals(code, 0, complaint);
    const [line] = printed.split("\n");
    assertEquals(line, "Shown as stored in the repository: 01-byte-pair-encoding.", `time ${time}`);
  }
  await Deno.remove(out, { recursive: true });
});

Deno.test("a folder of sweeps that does not exist is named, and no site is begun", async () => {
  const out = await Deno.makeTempDir();
  const { code, complaint } = await runTask(
    ["lib/tasks/report.ts", "--sweep", "nonexist", "--out", join(out, "site")],
  );
  assertEquals([code, complaint], [
    1,
    'There is no folder nonexist, expected one that "deno task sweep" made.\n',
  ]);
  assertEquals([...Deno.readDirSync(out)], []);
  await Deno.remove(out, { recursive: true });
});

Deno.test({
  name: "a report without notebooks that use the GPU needs no adapter, and SIGTERM stops it",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const out = await Deno.makeTempDir();
    const args = ["lib/tasks/report.ts", "1", "--scale", "smoke", "--out", out];
    let told = false;
    const stopped = await runTask(args, (printed, process) => {
      if (told || !printed.includes("1/1  01-byte-pair-encoding")) return;
      told = true;
      process.kill("SIGTERM");
    });
    assertEquals([stopped.code, stopped.complaint], [
      130,
      "Stopped. No notebook was executed to its end.\n",
    ]);
    const { code, complaint } = await runTask(["lib/tasks/report.ts", "2", "--out", out]);
    assertEquals(code, 1);
    assertStringIncludes(complaint, "No WebGPU adapter was found.");
    await Deno.remove(out, { recursive: true });
  },
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
