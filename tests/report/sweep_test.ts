import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { outputMetadata } from "../../lib/notebook/outputs.ts";
import { joinText, type NotebookFile } from "../../lib/report/nbformat.ts";
import { writeNotebook } from "../../lib/report/notebook_file.ts";
import type { ParameterValues } from "../../lib/report/parameters.ts";
import { gridOf, type SweepLists } from "../../lib/report/sweep/grid.ts";
import { mergeSweep } from "../../lib/report/sweep/merge.ts";
import { pointFile, readSweeps } from "../../lib/report/sweep/points.ts";
import { resultOutput } from "../../lib/notebook/result.ts";

const COMMAND = "deno task sweep 00 --over …";

/** An executed notebook with these main results. */
function executed(
  values: Record<string, number | string>,
  parameters: ParameterValues,
  sweep: { point: number; over: SweepLists },
): NotebookFile {
  const { data, metadata } = resultOutput(values);
  const output = { output_type: "display_data" as const, data, metadata: { cutloss: metadata } };
  const about = { title: "Test", executed: "2026-11-24T01:02:03Z", seconds: 2, parameters };
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { cutloss: { ...about, sweep: { ...sweep, command: COMMAND } } },
    cells: [{ id: "a", cell_type: "code", source: "", execution_count: 1, outputs: [output] }],
  };
}

/** Writes the points of a sweep for which `results` gives something, and reads them again. */
async function sweepOf(
  over: SweepLists,
  results: (parameters: ParameterValues) => Record<string, number | string> | undefined,
) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/00-test`);
    for (const [point, parameters] of gridOf(over).entries()) {
      const values = results(parameters);
      if (!values) continue;
      const notebook = executed(values, parameters, { point, over });
      await writeNotebook(`${folder}/00-test/${pointFile(point)}`, notebook);
    }
    return (await readSweeps(folder))[0];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Tables of a merged notebook's figures and tables, by id. */
function tablesOf(notebook: NotebookFile) {
  const outputs = notebook.cells.flatMap((cell) => cell.outputs ?? []).map(outputMetadata);
  return Object.fromEntries(
    outputs.flatMap((metadata) =>
      metadata?.kind === "table" || metadata?.kind === "figure"
        ? [[metadata.id, metadata.table]]
        : []
    ),
  );
}

Deno.test("The points of a sweep are all combinations, the last parameter changing fastest", () => {
  assertEquals(gridOf({ scale: ["smoke", "full"], seed: [0, 1] }), [
    { scale: "smoke", seed: 0 },
    { scale: "smoke", seed: 1 },
    { scale: "full", seed: 0 },
    { scale: "full", seed: 1 },
  ]);
  assertThrows(() => gridOf({}), Error, "needs a parameter");
  assertThrows(() => gridOf({ seed: [1, 1] }), Error, "a value of seed twice: 1, 1.");
});

Deno.test("Results become a line a point, and a figure with mean and range over the seeds", async () => {
  const sweep = await sweepOf({ width: [8, 16], seed: [0, 1] }, ({ width, seed }) => ({
    "Loss (nats)": 10 / Number(width) + Number(seed),
    "Right": "yes",
  }));
  assertEquals(sweep.missing, []);
  const tables = tablesOf(await mergeSweep(sweep));
  assertEquals(tables.results.columns.map(({ name }) => name), ["width", "seed", "Loss", "Right"]);
  assertEquals(tables.results.rows, [
    [8, 0, 1.25, "yes"],
    [8, 1, 2.25, "yes"],
    [16, 0, 0.625, "yes"],
    [16, 1, 1.625, "yes"],
  ]);
  assertEquals(tables["loss-nats"].rows, [[8, 1.75, 1.25, 2.25, 2], [16, 1.125, 0.625, 1.625, 2]]);
  assertEquals(tables.right, undefined, "no figure of words");
});

Deno.test("A second parameter makes a line each of a figure", async () => {
  const over = { width: [8, 16], scale: ["smoke", "full"] };
  const sweep = await sweepOf(over, ({ width }) => ({ Score: Number(width) }));
  assertEquals(tablesOf(await mergeSweep(sweep)).score.rows, [
    ["scale = smoke", 8, 8, 8, 8, 1],
    ["scale = full", 8, 8, 8, 8, 1],
    ["scale = smoke", 16, 16, 16, 16, 1],
    ["scale = full", 16, 16, 16, 16, 1],
  ]);
});

Deno.test("Points that are missing are named on the page", async () => {
  const sweep = await sweepOf({ seed: [0, 1, 2] }, ({ seed }) => seed === 1 ? undefined : { a: 1 });
  assertEquals(sweep.missing, [{ point: 1, parameters: { seed: 1 } }]);
  const [about] = (await mergeSweep(sweep)).cells;
  assertStringIncludes(joinText(about.source), "**1 of 3 executions are missing:** seed = 1.");
});

Deno.test("Points of two sweeps in one folder are refused, and a folder without any", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assertRejects(() => readSweeps(folder), Error, "holds no executed points");
    await Deno.mkdir(`${folder}/00-test`);
    for (const [point, last] of [[0, 1], [1, 2]]) {
      const over = { seed: [0, last] };
      const notebook = executed({ a: 1 }, { seed: point }, { point, over });
      await writeNotebook(`${folder}/00-test/${pointFile(point)}`, notebook);
    }
    await assertRejects(() => readSweeps(folder), Error, "holds points of two sweeps");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("The merged notebook says by which command it was made", async () => {
  const sweep = await sweepOf({ seed: [0, 1] }, ({ seed }) => ({ a: Number(seed) }));
  const merged = await mergeSweep(sweep);
  assertEquals((merged.metadata.cutloss as { command: string }).command, COMMAND);
  assert(merged.cells.some((cell) => joinText(cell.source).includes(COMMAND)));
});
