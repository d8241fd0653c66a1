/**
 * `deno task sweep`: executes a notebook for every combination of some parameters, here or one point
 * a task of a cluster; `deno task report --sweep` makes a page of the results.
 */
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { CellError, executeNotebook } from "../report/execute.ts";
import { readNotebook, writeNotebook } from "../report/notebook_file.ts";
import { gridOf, parametersText, type SweepLists } from "../report/sweep/grid.ts";
import { pointFile } from "../report/sweep/points.ts";
import { ensureAdapterFor } from "./adapter.ts";
import { DENO } from "./deno_version.ts";
import { NOTEBOOKS } from "./execute_all.ts";
import { findNotebook, readSetting } from "./notebook.ts";
import { stopSignal } from "./stop_signal.ts";

const OUT = join("reports", "sweeps");

const HELP = `deno task sweep NAME --over PARAMETER=VALUE,VALUE,… : execute a notebook for every
combination of values of its parameters.

  --over seed=0,1,2   values of a parameter; may be repeated for more parameters
  --set NAME=VALUE    a value for all executions, such as scale=smoke
  --out DIR           where the executed copies go; reports/sweeps if left out
  --point N           only this point, from 0: for one task of a cluster's job
  --list              only say which points there are
  --again             execute points again that are there already

Afterwards: deno task report --sweep DIR
For clusters: lib/tasks/cluster has a Kubernetes Job and a Slurm array.
`;

/** What the command line says. */
export interface SweepOptions {
  name: string;
  over: SweepLists;
  /** Values that are the same for all points. */
  set: Record<string, string | number | boolean>;
  out: string;
  point?: number;
  list: boolean;
  again: boolean;
}

/**
 * Reads the arguments of `deno task sweep`; undefined if they ask for help.
 *
 * @throws {Error} A sentence that names the argument.
 */
export function readArguments(args: string[]): SweepOptions | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      over: { type: "string", multiple: true },
      set: { type: "string", multiple: true },
      out: { type: "string" },
      point: { type: "string" },
      list: { type: "boolean" },
      again: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  if (positionals.length !== 1) {
    throw new Error(`One notebook is to be named, such as 06; got ${positionals.length}.`);
  }
  const over: SweepLists = {};
  for (const list of values.over ?? []) {
    const [name, text] = /^(\w+)=(.+)$/.exec(list)?.slice(1) ?? [];
    if (name === undefined) {
      throw new Error(`--over is ${list}, expected a name and its values, such as seed=0,1,2.`);
    }
    over[name] = text.split(",").map((value) => readSetting(`${name}=${value}`)[1]);
  }
  const points = gridOf(over).length;
  const point = values.point === undefined ? undefined : Number(values.point || NaN);
  if (point !== undefined && !(Number.isInteger(point) && point >= 0 && point < points)) {
    throw new Error(`--point is ${values.point}, expected a whole number from 0 to ${points - 1}.`);
  }
  return {
    name: positionals[0],
    over,
    set: Object.fromEntries((values.set ?? []).map(readSetting)),
    out: values.out ?? OUT,
    point,
    list: values.list ?? false,
    again: values.again ?? false,
  };
}

/** The command that makes the whole sweep, for whoever wants to repeat it. */
export function sweepCommand({ name, over, set }: SweepOptions): string {
  const lists = Object.entries(over).map(([key, values]) => `--over ${key}=${values.join(",")}`);
  const settings = Object.entries(set).map(([key, value]) => `--set ${key}=${value}`);
  return ["deno task sweep", name, ...lists, ...settings].join(" ");
}

/** What is said after Ctrl-C: where the points are that were executed, and how to go on. */
export function stopped(options: SweepOptions, folder: string): string {
  const command = [
    sweepCommand(options).replace("deno task", `npx --yes deno@${DENO} task`),
    ...options.out === OUT ? [] : [`--out ${options.out}`],
    ...options.point === undefined ? [] : [`--point ${options.point}`],
    ...options.again ? ["--again"] : [],
  ].join(" ");
  const how = options.again ? "To start again" : "To execute those that are not there yet";
  return `Stopped. The points executed so far are in ${folder}. ${how}: ${command}`;
}

async function main(options: SweepOptions): Promise<number> {
  const path = await findNotebook(options.name, Deno.realPathSync(NOTEBOOKS));
  const name = basename(path, ".ipynb");
  const folder = join(options.out, name);
  const points = gridOf(options.over);
  if (options.list) {
    points.forEach((point, i) => console.log(`${i}  ${parametersText(point)}`));
    return 0;
  }
  await ensureAdapterFor([await readNotebook(path)]);
  await Deno.mkdir(folder, { recursive: true });
  let failures = 0;
  using stop = stopSignal();
  for (const [index, values] of points.entries()) {
    if (options.point !== undefined && options.point !== index) continue;
    const file = join(folder, pointFile(index));
    const label = `${name}, point ${index} of ${points.length} (${parametersText(values)})`;
    if (!options.again && await exists(file)) {
      console.log(`${label}: is there already`);
      continue;
    }
    // A file is whole or not there, so that a task that is killed can be started again.
    const unfinished = join(folder, `unfinished-${pointFile(index)}`);
    try {
      const parameters = { ...options.set, ...values };
      const { notebook, seconds } = await executeNotebook(path, {
        ...{ out: unfinished, parameters, signal: stop.signal },
      });
      const about = notebook.metadata.cutloss as Record<string, unknown>;
      about.parameters = values;
      about.sweep = { point: index, over: options.over, command: sweepCommand(options) };
      await writeNotebook(unfinished, notebook);
      await Deno.rename(unfinished, file);
      console.log(`${label}: executed in ${seconds.toFixed(1)} s`);
    } catch (error) {
      if (stop.signal.aborted) {
        await Deno.remove(unfinished).catch(() => {}); // not there if it had not begun
        console.error(stopped(options, folder));
        return 130;
      }
      if (!(error instanceof CellError)) throw error;
      console.error(`${label}: ${error.message}`);
      failures++;
    }
  }
  return failures > 0 ? 1 : 0;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) {
  try {
    const options = readArguments(Deno.args);
    if (!options) console.log(HELP);
    else Deno.exit(await main(options));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
