/** When the tests with Jupyter's own programs install them. */
import { fileURLToPath } from "node:url";
import { assertEquals, assertStringIncludes } from "@std/assert";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A python3 that can do nothing, and writes down what it was asked. */
const PYTHON = `#!/bin/sh
echo "$*" >> "$PYTHON_CALLS"
case "$1" in --version | -c) exit 0 ;; *) exit 1 ;; esac
`;

/** A copy of the tests with Jupyter in a folder without an environment, and with such a Python. */
async function project(): Promise<AsyncDisposable & { run(...args: string[]): Promise<Run> }> {
  const folder = await Deno.makeTempDir({ prefix: "cutloss-python-" });
  for (const part of ["lib", "kernels", "data", "deno.json", "deno.lock"]) {
    await Deno.symlink(`${ROOT}${part}`, `${folder}/${part}`);
  }
  await Deno.mkdir(`${folder}/tests/report`, { recursive: true });
  await Deno.mkdir(`${folder}/bin`);
  await Deno.copyFile(`${ROOT}tests/assert.ts`, `${folder}/tests/assert.ts`);
  for await (const { name } of Deno.readDir(`${ROOT}tests/report`)) {
    if (!/^(jupyter_|python|browser|notebooks|requirements)/.test(name)) continue;
    await Deno.copyFile(`${ROOT}tests/report/${name}`, `${folder}/tests/report/${name}`);
  }
  await Deno.writeTextFile(`${folder}/bin/python3`, PYTHON, { mode: 0o755 });
  const calls = `${folder}/calls`;
  const run = async (...args: string[]) => {
    await Deno.writeTextFile(calls, "");
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", "--no-lock", ...args],
      cwd: folder,
      env: { PATH: `${folder}/bin:${Deno.env.get("PATH")}`, PYTHON_CALLS: calls, NO_COLOR: "1" },
    }).output();
    const lines = (await Deno.readTextFile(calls)).trim().split("\n");
    return { output: new TextDecoder().decode(stdout), calls: lines.filter((line) => line) };
  };
  return { run, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** What a run printed, and what it asked of Python. */
interface Run {
  output: string;
  calls: string[];
}

const QUESTIONS = ["--version", "-c import ensurepip, venv"];

Deno.test({
  name: "a run in which no test with Jupyter is chosen installs nothing",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using tests = await project();
    for (const file of ["jupyter_test.ts", "jupyter_front_ends_test.ts"]) {
      const { output, calls } = await tests.run("--filter=no such test", `tests/report/${file}`);
      assertStringIncludes(output, "0 passed | 0 failed");
      assertEquals(calls, QUESTIONS, file);
    }
  },
});

Deno.test({
  name: "where JupyterLab cannot be installed, a test with it says so in a step that is skipped",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using tests = await project();
    const { output, calls } = await tests.run("--filter=nb", "tests/report/jupyter_test.ts");
    assertEquals(calls.slice(0, 2), QUESTIONS);
    // Once for both tests.
    assertEquals(calls.slice(2).map((call) => call.slice(0, 7)), ["-m venv"]);
    assertStringIncludes(output, "skipped: JupyterLab could not be installed. ... ignored");
    assertStringIncludes(output, "0 ignored (2 steps)");
  },
});
