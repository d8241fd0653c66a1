import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { executeNotebook } from "../../lib/report/execute.ts";
import { joinText, type NotebookFile } from "../../lib/report/nbformat.ts";
import { declaredParameters, injectParameters } from "../../lib/report/parameters.ts";
import { notebookOf } from "./notebooks.ts";

const DECLARED = {
  source:
    `// Choose.\nconst parameters: { scale?: "smoke" | "full"; seed?: number } = { seed: 1 };`,
  tags: ["parameters"],
};
const SCALES = JSON.stringify(import.meta.resolve("../../lib/notebook/scale.ts"));

/** Cells that print the scale and the seed which hold. */
const CELLS = [
  DECLARED,
  `import { currentScale, currentSeed } from ${SCALES};
console.log(currentScale(undefined, parameters), currentSeed(parameters));`,
];

function printed(notebook: NotebookFile): string {
  return joinText(notebook.cells.at(-1)!.outputs![0].text).trim();
}

Deno.test("Parameters and environment both set scale and seed, and what is set for a notebook wins", async () => {
  const path = await notebookOf(...CELLS);
  const run = async (options: Parameters<typeof executeNotebook>[1]) =>
    printed((await executeNotebook(path, options)).notebook);
  assertEquals(await run({}), "smoke 1");
  assertEquals(await run({ parameters: { scale: "full", seed: 7 } }), "full 7");
  assertEquals(await run({ scale: "laptop", seed: 9 }), "laptop 9", "by the environment");
  const env = { CUTLOSS_SCALE: "laptop", CUTLOSS_SEED: "9" };
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  try {
    assertEquals(await run({ parameters: { seed: 7 } }), "laptop 7");
  } finally {
    for (const name of Object.keys(env)) Deno.env.delete(name);
  }
});

Deno.test("Values stand in a cell of their own, tagged as papermill does, once", async () => {
  const path = await notebookOf(...CELLS);
  const out = `${path}.out.ipynb`;
  await executeNotebook(path, { out, parameters: { seed: 7 } });
  const { notebook } = await executeNotebook(out, { parameters: { seed: 8 } });
  assertEquals(notebook.cells.map((cell) => cell.metadata?.tags), [
    ["parameters"],
    ["injected-parameters"],
    undefined,
  ]);
  assertEquals(printed(notebook), "smoke 8");
  assertEquals((notebook.metadata.cutloss as { parameters: unknown }).parameters, { seed: 8 });
});

Deno.test("A parameter that a notebook does not have is refused by name", async () => {
  const path = await notebookOf(...CELLS);
  await assertRejects(
    () => executeNotebook(path, { parameters: { sede: 7 } }),
    Error,
    'has no parameter "sede"; its parameters are scale, seed.',
  );
  const bare: NotebookFile = { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [] };
  assertThrows(() => injectParameters(bare, { seed: 1 }, "x.ipynb"), Error, "no cell tagged");
});

Deno.test("Parameters are found in their type, over one line or several", () => {
  assertEquals(declaredParameters(DECLARED.source), ["scale", "seed"]);
  const several = "const parameters: {\n  seed?: number;\n  learningRate?: number;\n} = {};";
  assertEquals(declaredParameters(several), ["seed", "learningRate"]);
  assertEquals(declaredParameters("const seed = 1;"), []);
});
