import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { gridOf } from "../../lib/report/sweep/grid.ts";
import { readSweeps } from "../../lib/report/sweep/points.ts";
import { readArguments, stopped, sweepCommand } from "../../lib/tasks/sweep.ts";
import { isAlive, notebookOf } from "../report/notebooks.ts";
import { runTask } from "./run_task.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

Deno.test("arguments of the sweep are read, and wrong ones are named", () => {
  const options = readArguments(
    "06 --over seed=0,1 --over scale=smoke,full --set tied=true --point 3"
      .split(" "),
  )!;
  assertEquals(options.over, { seed: [0, 1], scale: ["smoke", "full"] });
  assertEquals([options.set, options.point], [{ tied: true }, 3]);
  assertEquals(
    sweepCommand(options),
    "deno task sweep 06 --over seed=0,1 --over scale=smoke,full --set tied=true",
  );
  assertEquals(readArguments(["--help"]), undefined);
  assertThrows(() => readArguments(["06"]), Error, "needs a parameter with values");
  assertThrows(() => readArguments(["06", "--over", "seed"]), Error, "--over is seed");
  for (const point of ["2", "-1", "x", ""]) {
    assertThrows(
      () => readArguments(["06", "--over=seed=0,1", `--point=${point}`]),
      Error,
      "0 to 1",
    );
  }
});

Deno.test("after Ctrl-C it is said how to go on with the same sweep", () => {
  const said = (args: string) => stopped(readArguments(args.split(" "))!, "away/06");
  const on = said("06 --over seed=0,1 --set scale=smoke --out away --point 1");
  assertStringIncludes(on, "Stopped. The points executed so far are in away/06. To execute those");
  assert(
    on.endsWith("task sweep 06 --over seed=0,1 --set scale=smoke --out away --point 1"),
    on,
  );
  const again = said("06 --over seed=0,1 --again");
  assert(/To start again: .* task sweep 06 --over seed=0,1 --again$/.test(again), again);
});

Deno.test({
  name: "SIGTERM stops a sweep, which needs no adapter, and leaves the points that are whole",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const path = await notebookOf(
      { source: `const parameters: { seconds?: number } = {};`, tags: ["parameters"] },
      `if (parameters.seconds) {
        Deno.writeTextFileSync("unfinished", String(Deno.pid));
        Deno.renameSync("unfinished", "pid");
        await new Promise((resolve) => setTimeout(resolve, parameters.seconds! * 1000));
      }`,
    );
    const folder = path.replace("/test.ipynb", ""), out = `${folder}/sweeps`;
    let told = false;
    const args = ["lib/tasks/sweep.ts", path, "--over", "seconds=0,1000000", "--out", out];
    const { code, complaint } = await runTask(args, (printed, process) => {
      if (told || !printed.includes("point 0 of 2")) return;
      told = true;
      const wait = setInterval(() => {
        if (![...Deno.readDirSync(folder)].some(({ name }) => name === "pid")) return;
        clearInterval(wait);
        process.kill("SIGTERM");
      }, 50);
    });
    assertEquals(code, 130);
    assertStringIncludes(complaint, `Stopped. The points executed so far are in ${out}/test.`);
    assertEquals([...Deno.readDirSync(`${out}/test`)].map(({ name }) => name), [
      "point-0000.ipynb",
    ]);
    assert(!isAlive(Number(await Deno.readTextFile(`${folder}/pid`))), "the kernel has ended");
  },
});

Deno.test("the Kubernetes Job has a pod for each point and asks for a sweep that exists", async () => {
  const job = await read("lib/tasks/cluster/kubernetes.yaml");
  const args = [...job.matchAll(/^ {12}- (.*)$/gm)].map(([, arg]) =>
    arg.replace(/ #.*/, "").replaceAll('"', "").replace("$(JOB_COMPLETION_INDEX)", "0")
  );
  const options = readArguments(args.filter((arg) => /^(\d|--)/.test(arg)))!;
  assertEquals(options.point, 0);
  const completions = Number(/completions: (\d+)/.exec(job)![1]);
  assertEquals(gridOf(options.over).length, completions);
});

Deno.test({
  name: "the Slurm array has a task for each point, executes them, and a second time repeats none",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const script = await read("lib/tasks/cluster/slurm.sh");
    const [, name, rest] = /SWEEP:-"(\S+) (.*)"/.exec(script)!;
    const [, last] = /--array=0-(\d+)/.exec(script)!;
    assertEquals(gridOf(readArguments([name, ...rest.split(" ")])!.over).length, Number(last) + 1);

    const path = await notebookOf(
      { source: `const parameters: { seed?: number } = {};`, tags: ["parameters"] },
      `import { result } from ${JSON.stringify(import.meta.resolve("../../lib/notebook/mod.ts"))};
       await result({ "Twice the seed": 2 * parameters.seed! });`,
    );
    const out = path.replace("test.ipynb", "sweeps");
    const task = async (point: string) => {
      const env = {
        SWEEP: `${path} --over seed=3,4 --out ${out}`,
        SLURM_ARRAY_TASK_ID: point,
        SLURM_SUBMIT_DIR: ROOT.pathname,
        PATH: `${Deno.execPath().replace(/\/deno$/, "")}:${Deno.env.get("PATH")}`,
      };
      const slurm = new URL("lib/tasks/cluster/slurm.sh", ROOT).pathname;
      const { code, stdout, stderr } = await new Deno.Command("bash", { args: [slurm], env })
        .output();
      const text = new TextDecoder();
      assertEquals(code, 0, text.decode(stderr));
      return text.decode(stdout);
    };
    assertStringIncludes(await task("1"), "point 1 of 2 (seed = 4): executed in");
    assertEquals((await readSweeps(out))[0].missing, [{ point: 0, parameters: { seed: 3 } }]);
    await task("0");
    assertStringIncludes(await task("1"), "is there already");
    const [{ points, missing }] = await readSweeps(out);
    assertEquals([points.map(({ parameters }) => parameters), missing], [
      [{ seed: 3 }, { seed: 4 }],
      [],
    ]);
    assert(JSON.stringify(points[1].notebook.cells.at(-1)!.outputs).includes('"value":8'));
  },
});
