import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compareCells, compareRuns } from "../../lib/report/expect/compare.ts";
import { readExpectations, writeExpectations } from "../../lib/report/expect/file.ts";
import { observe } from "../../lib/report/expect/observe.ts";
import { recordCells } from "../../lib/report/expect/record.ts";
import { readTolerance, ruleOf, toleranceText } from "../../lib/report/expect/rules.ts";
import { maskText, textsAgree } from "../../lib/report/expect/text.ts";
import type { NotebookFile, NotebookOutput } from "../../lib/report/nbformat.ts";
import { resultOutput } from "../../lib/notebook/result.ts";
import { tableOutput } from "../../lib/notebook/table.ts";

type Row = Record<string, string | number | null>;

/** A notebook with one table, a text and the machine that it ran on. */
function notebookWith(rows: Row[], text = "", adapter = "Some GPU"): NotebookFile {
  const table = tableOutput(rows, { id: "numbers", caption: "Some numbers." });
  const outputs: NotebookOutput[] = [
    { output_type: "display_data", data: table.data, metadata: { cutloss: table.metadata } },
    { output_type: "stream", name: "stdout", text },
    {
      output_type: "display_data",
      data: { "text/plain": adapter },
      metadata: { cutloss: { kind: "provenance", provenance: { adapter } } },
    },
  ];
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: [{ id: "work", cell_type: "code", source: "", outputs }],
  };
}

/** How the second notebook differs from what was recorded of the first. */
function differences(first: NotebookFile, second: NotebookFile): string[] {
  return compareCells("00-test", observe(second), recordCells("00-test", observe(first)));
}

Deno.test("A notebook agrees with itself, on another machine and at another speed", () => {
  const rows = (seconds: number) => [{ Way: "cut", "Memory (MiB)": 4.5, "Took (ms)": seconds }];
  const text = (adapter: string, seconds: number) =>
    `${adapter} took ${seconds} ms, from 1 to ${seconds} s, at ${seconds} tokens/s for 7 tokens.`;
  const first = notebookWith(rows(3), text("Some GPU", 3));
  const second = notebookWith(rows(7000), text("Other GPU, 9", 88), "Other GPU, 9");
  assertEquals(differences(first, first), []);
  assertEquals(differences(first, second), []);
});

Deno.test("A changed number is named with its cell, output, column, row and tolerance", () => {
  const first = notebookWith([{ Way: "cut", Tokens: 66 }, { Way: "naive", Tokens: 70 }]);
  const second = notebookWith([{ Way: "cut", Tokens: 66 }, { Way: "naive", Tokens: 71 }]);
  assertEquals(differences(first, second), [
    "cell work, table numbers: Tokens, row 2 is 71; recorded: 70 within 1e-6 + 1e-3·|x|.",
  ]);
});

Deno.test("A changed word, heading, caption or number of rows is named", () => {
  const first = notebookWith([{ Way: "cut", Tokens: 66 }], "All is well.");
  const only = (rows: Row[], text = "All is well.") => {
    const found = differences(first, notebookWith(rows, text));
    assertEquals(found.length, 1, found.join("\n"));
    return found[0];
  };
  assertStringIncludes(only([{ Way: "cat", Tokens: 66 }]), "Way is “cat”; recorded: “cut”.");
  assertStringIncludes(only([{ Way: "cut", Token: 66 }]), "columns are Way | Token; recorded");
  assertStringIncludes(only([{ Way: "cut", Tokens: null }]), "Tokens is missing; recorded: 66");
  assertStringIncludes(
    only([{ Way: "cut", Tokens: 66 }], "All is lost."),
    "stream stdout: the text is “All is lost.”; recorded: “All is well.”.",
  );
});

Deno.test("A cell that shows something else, more or nothing is named", () => {
  const first = notebookWith([{ a: 1 }]);
  const shows = (outputs: NotebookOutput[]) => {
    const changed = structuredClone(first);
    changed.cells[0].outputs = outputs;
    return differences(first, changed);
  };
  const outputs = first.cells[0].outputs!;
  assertEquals(shows([]), ["cell work: shows nothing; 3 outputs are recorded."]);
  assertEquals(shows(outputs.slice(1)), [
    "cell work: shows stream stdout, provenance; recorded: table numbers, stream stdout, provenance.",
  ]);
  const more = structuredClone(first);
  more.cells.push({ id: "late", cell_type: "code", source: "", outputs: [outputs[1]] });
  assertEquals(differences(first, more), ["cell late: shows stream stdout; none recorded."]);
});

Deno.test("One of a thousand numbers that changes is noticed in the summary of its column", () => {
  const rows = Array.from({ length: 1000 }, (_, i) => ({ Rank: i, Count: 1000 / (i + 1) }));
  const changed = rows.with(500, { Rank: 500, Count: 900 });
  const [recorded] = recordCells("00-test", observe(notebookWith(rows)));
  assertEquals(recorded.outputs[0].series![1].values, undefined);
  const found = differences(notebookWith(rows), notebookWith(changed));
  assertEquals(found.length, 1);
  assertStringIncludes(found[0], "Count, mean is 8.");
});

Deno.test("Two runs must agree to the last bit, but for times", () => {
  const run = (loss: number, seconds: number) =>
    observe(notebookWith([{ Way: "cut", "Loss (nats)": loss, "Time (s)": seconds }]));
  assertEquals(compareRuns("00-test", run(1.25, 3), run(1.25, 4)), []);
  const found = compareRuns("00-test", run(1.25, 3), run(1.25000001, 4));
  assertEquals(found, [
    "cell work, table numbers: Loss is 1.25000001; recorded: 1.25 within 0 + 0·|x|.",
  ]);
  const says = (text: string) => observe(notebookWith([{ Way: "cut" }], text));
  assertEquals(compareRuns("00-test", says("loss 1.25"), says("loss 1.26")).length, 1);
});

Deno.test("Main results are compared by their own units", () => {
  const resultsOf = (values: Record<string, number>): NotebookFile => {
    const { data, metadata } = resultOutput(values);
    const notebook = notebookWith([{ a: 1 }]);
    notebook.cells[0].outputs = [
      { output_type: "display_data", data, metadata: { cutloss: metadata } },
    ];
    return notebook;
  };
  const first = resultsOf({ "Accuracy (%)": 90, "Training (s)": 10 });
  assertEquals(differences(first, resultsOf({ "Accuracy (%)": 92, "Training (s)": 90 })), []);
  assertEquals(differences(first, resultsOf({ "Accuracy (%)": 60, "Training (s)": 10 })), [
    "cell work, result: Accuracy is 60; recorded: 90 within 0.02 + 0.05·|x|.",
  ]);
});

Deno.test("Times and rates are left out by unit or name, all else has a tolerance", () => {
  const rule = (name: string, unit?: string) => ruleOf({ notebook: "00", cell: "a", name, unit });
  for (const unit of ["s", "ms", "µs", "min"]) assertEquals(rule("Median", unit), "a time");
  for (const unit of ["tokens/s", "TFLOP/s", "MB/s"]) assertEquals(rule("x", unit), "a rate");
  assertEquals(rule("Faster than before", "times"), "a time");
  for (const name of ["Tokens per second", "Snippets a second", "Tokens/s"]) {
    assertEquals(rule(name), "a rate");
  }
  assertEquals(typeof rule("Timesteps", "steps"), "object");
  assertEquals(rule("Loss, cut", "MiB"), rule("Memory", "MiB"), "memory, although of the loss");
  assert((rule("Loss", "nats") as { relative: number }).relative > 0.001);
});

Deno.test("Numbers of trained models may be further off on another adapter, counts may not", () => {
  const relative = (notebook: string, unit: string | undefined, whole: boolean) =>
    (ruleOf({ notebook, cell: "a", name: "x", unit, whole }) as { relative: number }).relative;
  assertEquals(relative("01-byte-pair-encoding", "%", false), 1e-3);
  assertEquals(relative("02-classifying-code", "%", false), 0.05);
  assertEquals(relative("05-differential-attention", undefined, false), 0.05);
  assertEquals(relative("05-differential-attention", undefined, true), 1e-3);
});

Deno.test("A tolerance is read as it was written", () => {
  for (const tolerance of [{ absolute: 1e-6, relative: 0.001 }, { absolute: 0, relative: 0.02 }]) {
    assertEquals(readTolerance(toleranceText(tolerance)), tolerance);
  }
});

Deno.test("Texts agree if their words do and their numbers do within a last digit", () => {
  const none = { absolute: 0, relative: 0 };
  assert(textsAgree("a mean of 0.124 nats", "a mean of 0.123 nats", none));
  assert(!textsAgree("a mean of 0.125 nats", "a mean of 0.123 nats", none));
  assert(!textsAgree("66 tokens", "67 tokens", none));
  assert(!textsAgree("a mean of 0.123 bits", "a mean of 0.123 nats", none));
  assert(textsAgree("1,203 words", "1,204 words", { absolute: 0, relative: 0.001 }));
});

Deno.test("Only times are masked in texts, not sizes, counts or names", () => {
  assertEquals(maskText("V = 50,257 and 3.5 MiB", []), "V = 50,257 and 3.5 MiB");
  assertEquals(maskText("3 steps in 2.5 s", []), "3 steps in ‹time›");
  assertEquals(maskText("from 2 to 3.5 ms", []), "from ‹time›");
  assertEquals(maskText("at 979 tokens a second", []), "at ‹time›");
  assertEquals(maskText("8 samples and 1.5 GB", []), "8 samples and 1.5 GB");
});

Deno.test("Expectations are read as they were written, and absent ones are told from broken ones", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const cells = recordCells(
      "00-test",
      observe(notebookWith([{ Way: "a".repeat(90), "T (s)": 3 }])),
    );
    const expectations = { notebook: "00-test", scale: "smoke", seed: 0, adapter: "x", cells };
    await writeExpectations(`${folder}/00.json`, expectations);
    assertEquals(await readExpectations(`${folder}/00.json`), expectations);
    assertEquals(await readExpectations(`${folder}/01.json`), undefined);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
