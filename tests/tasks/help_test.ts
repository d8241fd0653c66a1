import { assert, assertEquals, assertThrows } from "@std/assert";
import { DENO } from "../../lib/tasks/deno_version.ts";
import { readArguments } from "../../lib/tasks/ok.ts";
import { runTask } from "./run_task.ts";

for (const name of ["bench", "notebook", "notebooks", "ok", "report", "sweep", "test"]) {
  Deno.test(`deno task ${name} --help says what there is, and does nothing`, async () => {
    const { code, printed, complaint } = await runTask([`lib/tasks/${name}.ts`, "--help"]);
    assertEquals([code, complaint], [0, ""]);
    assert(printed.startsWith(`deno task ${name}`), printed);
  });
}

Deno.test("a benchmark is not run by asking for help", async () => {
  const { code, printed } = await runTask(["lib/tasks/bench.ts", "ops", "--help"]);
  assertEquals(code, 0);
  assert(printed.startsWith("deno task bench NAME"), printed);
});

Deno.test("arguments of the ok task are read, and another is named", () => {
  assertEquals(readArguments([]), { test: true });
  assertEquals(readArguments(["--no-test"]), { test: false });
  assertEquals(readArguments(["--no-test", "--help"]), undefined);
  assertThrows(
    () => readArguments(["--notest"]),
    Error,
    "An argument is --notest, expected none but --no-test or --help.",
  );
});

Deno.test("commands that install Deno name the version that all is tested with", async () => {
  const folder = new URL("../../lib/tasks/", import.meta.url);
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) continue;
    const text = await Deno.readTextFile(new URL(name, folder));
    for (const [, version] of text.matchAll(/(?:npx --yes|npm install --global) deno(\S*)/g)) {
      assert(
        version.startsWith("@${DENO}") || version.startsWith(`@${DENO}`),
        `${name}: ${version}`,
      );
    }
  }
});
