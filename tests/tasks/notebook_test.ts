import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { findNotebook, readArguments } from "../../lib/tasks/notebook.ts";
import { isAlive, notebookOf } from "../report/notebooks.ts";
import { runTask } from "./run_task.ts";

Deno.test("A notebook is found by number, by a part of its name, or by its path", async () => {
  const folder = await Deno.makeTempDir();
  for (const name of ["01-tokenizers", "06-cut-cross-entropy"]) {
    await Deno.writeTextFile(`${folder}/${name}.ipynb`, "{}");
  }
  const found = async (name: string) => (await findNotebook(name, folder)).split(/[\\/]/).at(-1);
  assertEquals(await found("06"), "06-cut-cross-entropy.ipynb");
  assertEquals(await found("token"), "01-tokenizers.ipynb");
  const path = `${folder}/06-cut-cross-entropy.ipynb`;
  assertEquals(await findNotebook(path, "elsewhere"), path);
  await assertRejects(() => findNotebook("x.ipynb", folder), Error, "There is no file x.ipynb");
  assertEquals(await found("6"), "06-cut-cross-entropy.ipynb");
  await assertRejects(
    () => findNotebook("en", folder),
    Error,
    "en names several notebooks, expected one of 01-tokenizers, 06-",
  );
  await assertRejects(() => findNotebook("0", folder), Error, "0 names no notebook; there are 01-");
  await assertRejects(
    () => findNotebook("07", folder),
    Error,
    "07 names no notebook; there are 01-",
  );
});

Deno.test("Arguments of the notebook task are read, and wrong ones are named", () => {
  assertEquals(readArguments(["06", "--scale", "smoke", "--seed", "3", "--in-place"]), {
    name: "06",
    scale: "smoke",
    seed: 3,
    parameters: undefined,
    timeout: undefined,
    out: undefined,
    inPlace: true,
  });
  assertEquals(
    readArguments(["06", "--set", "seed=3", "--set", "scale=smoke", "--set", "tied=true"])
      ?.parameters,
    { seed: 3, scale: "smoke", tied: true },
  );
  assertEquals(readArguments(["--help"]), undefined);
  assertThrows(() => readArguments(["06", "--set", "seed"]), Error, 'given as "seed"');
  assertThrows(() => readArguments(["06", "--set", "seed=1", "--in-place"]), Error, "exclude");
  assertThrows(() => readArguments([]), Error, "One notebook is to be named");
  assertThrows(() => readArguments(["06", "--scale", "big"]), Error, "--scale is big");
  assertThrows(() => readArguments(["06", "--seed", "-1"]), Error);
  assertThrows(() => readArguments(["06", "--timeout", "0"]), Error, "--timeout is 0");
});

Deno.test({
  name: "a notebook needs an adapter only if it opens the GPU",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const run = async (source: string) => {
      const path = await notebookOf(source);
      const { code, complaint } = await runTask(["lib/tasks/notebook.ts", path, "--out", path]);
      return [code, /No WebGPU adapter was found|$/.exec(complaint)![0]];
    };
    assertEquals(await run("6 * 7;"), [0, ""]);
    assertEquals(await run("if (0) Gpu.open();"), [1, "No WebGPU adapter was found"]);
  },
});

/** Starts the task on a notebook whose only cell tells its process and then waits. */
function startTask(path: string, out: string): Deno.ChildProcess {
  const task = new URL("../../lib/tasks/notebook.ts", import.meta.url).pathname;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", task, path, "--out", out],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/**
 * Waits for something that no event tells, and fails if it has not come within a time that no slow
 * machine needs.
 */
async function eventually<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (const began = performance.now(); performance.now() - began < 120_000;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} has not come within two minutes.`);
}

const WAITING = `Deno.writeTextFileSync("unfinished", String(Deno.pid));
Deno.renameSync("unfinished", "pid");
await new Promise((resolve) => setTimeout(resolve, 1e9));`;

for (
  const [signal, code] of [["SIGINT", 130], ["SIGKILL", 137]] as const
) {
  Deno.test({
    name: `After ${signal} no kernel stays behind`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      const path = await notebookOf(WAITING);
      const folder = path.replace(/[^/]*$/, "");
      const process = startTask(path, `${folder}out.ipynb`);
      const kernel = Number(
        await eventually(
          "The start of the cell",
          () => Deno.readTextFile(`${folder}/pid`).catch(() => ""),
        ),
      );
      process.kill(signal);
      assertEquals((await process.status).code, code);
      await eventually("The kernel's end", () => !isAlive(kernel));
    },
  });
}
