/**
 * `deno task notebooks`: do the notebooks still show what they are expected to show?
 *
 * ```
 * deno task notebooks [06 …] --check [--twice]
 * deno task notebooks [06 …] --record
 * ```
 */
import { parseArgs } from "node:util";
import {
  compareCells,
  compareRuns,
  type Expectations,
  observe,
  type ObservedCell,
  readExpectations,
  recordCells,
  writeExpectations,
} from "../report/expect/mod.ts";
import { ensureAdapter } from "./adapter.ts";
import { executeAll, notebookNames, selectNotebooks } from "./execute_all.ts";

const HELP = `deno task notebooks: execute the notebooks at the smoke scale with seed 0, and compare
what they show with what was recorded: which cells show what, figures' axes and traces, tables'
headings, and all numbers but times, each within its tolerance. Each notebook starts afresh, without
what earlier runs left in the user's cache.

  --check        compare, and name what differs (this is what happens without options)
  --record       execute twice, compare the two to the last bit, and write what is expected
                 from now on to tests/fixtures/expectations
  --twice        also with --check: execute twice, and compare the two to the last bit
  06, --only 06  only these notebooks (numbers or parts of names)
  --out DIR      where the executed copies go; they are not kept if left out
`;

/** Scale and seed of all recorded expectations. */
const RUN = { scale: "smoke", seed: 0 };
const EXPECTATIONS = new URL("../../tests/fixtures/expectations/", import.meta.url);

/** What the command line says. */
export interface NotebooksOptions {
  record: boolean;
  twice: boolean;
  only: string[];
  out?: string;
}

/**
 * Reads the arguments of `deno task notebooks`; undefined if they ask for help.
 *
 * @throws {Error} A sentence that names the argument.
 */
export function readArguments(args: string[]): NotebooksOptions | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      check: { type: "boolean" },
      record: { type: "boolean" },
      twice: { type: "boolean" },
      only: { type: "string", multiple: true },
      out: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  if (values.check && values.record) {
    throw new Error("--check and --record exclude each other: what is recorded is not compared.");
  }
  return {
    record: values.record ?? false,
    twice: values.twice ?? values.record ?? false,
    only: [...values.only ?? [], ...positionals].flatMap((names) => names.split(",")),
    out: values.out,
  };
}

/** What is wrong with a notebook, as sentences; none if it shows what is expected. */
export function judge(
  name: string,
  runs: readonly ObservedCell[][],
  expected: Expectations | undefined,
): string[] {
  const [first, ...others] = runs;
  const problems = others.flatMap((other) => compareRuns(name, first, other))
    .map((difference) => `a second run on this adapter differs: ${difference}`);
  if (expected) problems.push(...compareCells(name, first, expected.cells));
  return problems;
}

async function main(options: NotebooksOptions): Promise<number> {
  const names = selectNotebooks(await notebookNames(), options.only);
  const { description } = await ensureAdapter();
  const runs = new Map<string, ObservedCell[][]>(names.map((name) => [name, []]));
  const problems = new Map<string, string[]>(names.map((name) => [name, []]));
  for (let run = 0; run < (options.twice ? 2 : 1); run++) {
    const left = names.filter((name) => problems.get(name)!.length === 0);
    const executions = await executeAll(left, { ...RUN, directory: options.out, afresh: true });
    for (const [name, execution] of executions) {
      if (execution.notebook) runs.get(name)!.push(observe(execution.notebook));
      else problems.get(name)!.push(`${execution.failure}.`);
    }
  }
  console.log();
  let recordedOn: string | undefined;
  for (const name of names) {
    const found = problems.get(name)!;
    const path = new URL(`${name}.json`, EXPECTATIONS);
    const expected = options.record ? undefined : await readExpectations(path);
    if (found.length === 0) {
      if (!options.record && !expected) found.push("nothing is recorded of it: use --record.");
      found.push(...judge(name, runs.get(name)!, expected));
    }
    if (found.length === 0 && options.record) {
      await Deno.mkdir(EXPECTATIONS, { recursive: true });
      const cells = recordCells(name, runs.get(name)![0]);
      await writeExpectations(path, { notebook: name, ...RUN, adapter: description, cells });
    }
    if (expected && expected.adapter !== description) recordedOn = expected.adapter;
    console.log(`${name}: ${found.length === 0 ? verdict(options) : "differs"}`);
    for (const problem of found) console.log(`  ${name}, ${problem}`);
  }
  if (recordedOn) console.log(`\nRecorded on ${recordedOn}; this is ${description}.`);
  return [...problems.values()].some((found) => found.length > 0) ? 1 : 0;
}

function verdict({ record, twice }: NotebooksOptions): string {
  if (record) return "recorded, after two runs with the same numbers";
  return twice ? "as recorded, and twice the same" : "as recorded";
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
