import { assert, assertEquals } from "@std/assert";
import { cellsModule, checkCells } from "../../lib/notebook/cells.ts";
import { parseNotebook } from "../../lib/report/nbformat.ts";
import { notebookOf } from "../report/notebooks.ts";

Deno.test("Cells nest, imports move to the top once each, and lines know where they come from", async () => {
  const path = await notebookOf(
    `import {\n  a,\n  b as c,\n} from "./x.ts";\nconst n = 1;`,
    `import { a } from "./x.ts";\nconst n = 2; // "import" in a comment stays`,
  );
  const { code, origin } = cellsModule(parseNotebook(await Deno.readTextFile(path), path));
  assertEquals(code.split("\n").filter((line) => line.startsWith("import")), [
    `import { a } from "./x.ts";`,
    `import { b as c } from "./x.ts";`,
  ]);
  const line = code.split("\n").findIndex((text) => text.startsWith("const n = 2")) + 1;
  assertEquals(origin(line), { cell: 2, line: 2 });
  assertEquals(origin(1), undefined);
});

Deno.test("Cells that declare a name again, await and use earlier names pass the check", async () => {
  const path = await notebookOf(
    `import { basename } from "node:path";\nconst name = basename("a/b");`,
    `const size: number = await Promise.resolve(name.length);\nfunction twice(n: number) {\n  return 2 * n;\n}`,
    `const name = twice(size);\nname;`,
  );
  assertEquals(await checkCells([path]), { passed: true, report: "" });
});

Deno.test("A type error is reported at its cell and line, and no file stays behind", async () => {
  const path = await notebookOf(
    `const n = 1;`,
    `const text = "x";\nconst wrong: string = n;\nwrong + text;`,
  );
  const { passed, report } = await checkCells([path]);
  assertEquals(passed, false);
  assert(report.includes(`${path}, code cell 2, line 2:7`), report);
  const folder = path.replace(/[^/\\]*$/, "");
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["test.ipynb"]);
});

Deno.test("What the linter finds is reported too", async () => {
  const { passed, report } = await checkCells([await notebookOf(`const unused = 1;`)]);
  assertEquals(passed, false);
  assert(report.includes("unused") && report.includes("code cell 1, line 1"), report);
});
