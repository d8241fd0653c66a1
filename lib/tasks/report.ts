/**
 * `deno task report`: prepares what is missing, executes the notebooks, writes the site.
 *
 * ```
 * deno task report [06 …] [--scale smoke|laptop|full] [--seed N] [--out DIR] [--pdf]
 * deno task report [06 …] --no-execute|--stored [--out DIR] [--pdf]
 * deno task report --sweep DIR [--out DIR] [--pdf]
 * ```
 */
import { basename, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { formatValue } from "../report/data_table.ts";
import { type NotebookDescription, plainText } from "../report/describe.ts";
import { parseNotebook } from "../report/nbformat.ts";
import { writeNotebook } from "../report/notebook_file.ts";
import { printPdf } from "../report/pdf.ts";
import { exportSite, type NamedNotebook } from "../report/site.ts";
import { mergeSweep } from "../report/sweep/merge.ts";
import { readSweeps } from "../report/sweep/points.ts";
import { ensureAdapterFor } from "./adapter.ts";
import { DENO } from "./deno_version.ts";
import {
  executeAll,
  makeFolder,
  notebookNames,
  NOTEBOOKS,
  selectNotebooks,
} from "./execute_all.ts";
import { copyStored, type Origins, originsOf } from "./stored_copies.ts";

const HELP = `deno task report: execute the notebooks and write them as a site.

  06, or --only 06   only these notebooks (numbers or parts of names)
  --scale SCALE      smoke, laptop or full; chosen by the adapter if left out
  --seed N           seed of everything random; 0 if left out
  --out DIR          where the site goes; reports if left out
  --pdf              also print each page to PDF, by an installed Chromium
  --no-execute       execute nothing; show what was executed into DIR before, and of the others the
                     outputs stored in the repository
  --stored           execute nothing; show the outputs stored in the repository, also in place of
                     what was executed into DIR
  --sweep DIR        execute nothing; add a page for each sweep that "deno task sweep" left in DIR
`;

/** What the command line says. */
export interface ReportOptions {
  only: string[];
  scale?: string;
  seed?: number;
  out: string;
  pdf: boolean;
  execute: boolean;
  /** Takes the repository's outputs, also over executed ones; `execute` is then false. */
  stored: boolean;
  sweep?: string;
}

/**
 * Reads the arguments of `deno task report`; undefined if they ask for help.
 *
 * @throws {Error} A sentence that names the argument.
 */
export function readArguments(args: string[]): ReportOptions | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      only: { type: "string", multiple: true },
      scale: { type: "string" },
      seed: { type: "string" },
      out: { type: "string" },
      pdf: { type: "boolean" },
      "no-execute": { type: "boolean" },
      stored: { type: "boolean" },
      sweep: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  if (values.scale !== undefined && !["smoke", "laptop", "full"].includes(values.scale)) {
    throw new Error(`--scale is ${values.scale}, expected smoke, laptop or full.`);
  }
  const seed = values.seed === undefined ? undefined : Number(values.seed);
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new Error(`--seed is ${values.seed}, expected a whole number from 0.`);
  }
  return {
    only: [...values.only ?? [], ...positionals].flatMap((names) => names.split(",")),
    scale: values.scale,
    seed,
    out: values.out ?? "reports",
    pdf: values.pdf ?? false,
    execute: !values["no-execute"] && !values.stored,
    stored: values.stored ?? false,
    sweep: values.sweep,
  };
}

/** The command that goes on with notebooks named behind it, as these options asked. */
export function commandFor({ out, scale, seed }: ReportOptions): string {
  return [
    `npx --yes deno@${DENO} task report`,
    ...out === "reports" ? [] : [`--out ${out}`],
    ...scale === undefined ? [] : [`--scale ${scale}`],
    ...seed === undefined ? [] : [`--seed ${seed}`],
  ].join(" ");
}

/**
 * The notebooks of the site: those executed now, and from earlier runs into the same place those
 * that were not, so that the notebooks can be executed one by one.
 */
async function collect(names: string[], directory: string): Promise<NamedNotebook[]> {
  const notebooks: NamedNotebook[] = [];
  for (const name of names) {
    const path = join(directory, `${name}.ipynb`);
    const text = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    if (text !== undefined) notebooks.push({ name, notebook: parseNotebook(text, path) });
  }
  return notebooks;
}

/** Merges the sweeps in a directory into a notebook each, beside the executed ones. */
async function mergeSweeps(directory: string, executed: string): Promise<void> {
  const sweeps = await readSweeps(directory);
  await makeFolder(executed);
  for (const sweep of sweeps) {
    await writeNotebook(join(executed, `sweep-${sweep.name}.ipynb`), await mergeSweep(sweep));
  }
}

async function sweepNames(executed: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(executed)) {
    if (/^sweep-.*\.ipynb$/.test(name)) names.push(basename(name, ".ipynb"));
  }
  return names.sort();
}

/** The main results as lines of text. */
export function resultLines(notebooks: readonly NotebookDescription[]): string[] {
  const names = notebooks.flatMap(({ results }) => results.map(({ name }) => name.length));
  const width = Math.max(0, ...names);
  return notebooks.flatMap(({ name, title, results, run, failed }) => [
    `${name}: ${plainText(title)}${run.seconds === undefined ? "" : ` (${run.seconds} s)`}${
      failed ? ", with an error" : ""
    }`,
    ...results.map(({ name, value, unit }) =>
      `    ${name.padEnd(width)}  ${formatValue(value)}${unit ? ` ${unit}` : ""}`
    ),
  ]);
}

/** One line on where the outputs come from that are shown, for whoever executed nothing now. */
export function originLine({ own, stored }: Origins, executed: string): string {
  const parts = [
    ...own.length === 0 ? [] : [`as they are in ${executed}: ${own.join(", ")}`],
    ...stored.length === 0 ? [] : [`as stored in the repository: ${stored.join(", ")}`],
  ];
  const other = own.length === 0 ? "" : " (--stored shows all as stored)";
  return `Shown ${parts.join("; ")}${other}.`;
}

async function main(options: ReportOptions): Promise<number> {
  const all = await notebookNames();
  const names = selectNotebooks(all, options.only);
  const executed = join(options.out, "notebooks");
  const failures = new Map<string, string>();
  if (options.sweep !== undefined) {
    await mergeSweeps(options.sweep, executed);
  } else if (options.execute) {
    const adapter = await ensureAdapterFor(
      (await collect(names, fileURLToPath(NOTEBOOKS))).map(({ notebook }) => notebook),
    );
    if (adapter) {
      const { description, vendor, device } = adapter;
      console.log(
        `Adapter: ${description || [vendor, device].filter(Boolean).join(" ") || "unnamed"}`,
      );
    }
    const what = names.length === 1 ? names[0] : `${names.length} notebooks`;
    console.log(`Executing ${what}; the site goes to ${resolve(options.out)}\n`);
    const { scale, seed } = options;
    const command = commandFor(options);
    const executions = await executeAll(names, { directory: executed, scale, seed, command });
    for (const [name, { failure }] of executions) if (failure) failures.set(name, failure);
  } else {
    await makeFolder(executed);
    await copyStored(names, executed, { folder: NOTEBOOKS, overwrite: options.stored });
    console.log(originLine(await originsOf(all, executed), executed));
  }
  const { index, notebooks } = await exportSite(
    await collect([...all, ...await sweepNames(executed)], executed),
    options.out,
  );
  let status = failures.size > 0 ? 1 : 0;
  if (options.pdf) {
    try {
      const files = await printPdf(options.out);
      console.log(`Printed ${files.length} pages to PDF in ${options.out}.`);
    } catch (error) {
      console.error((error as Error).message);
      status = 1;
    }
  }
  console.log(`\n${resultLines(notebooks).join("\n")}\n`);
  for (const [name, problem] of failures) console.error(`${name}: ${problem}.`);
  console.log(`The report is ${index}`);
  console.log(`Open ${pathToFileURL(resolve(index)).href}`);
  return status;
}

if (import.meta.main) {
  let options: ReportOptions | undefined;
  try {
    options = readArguments(Deno.args);
    if (options) Deno.exit(await main(options));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    if (String((error as { code?: string }).code).startsWith("ERR_PARSE_ARGS")) {
      console.error("What there is: deno task report --help");
    }
    Deno.exit(1);
  }
  console.log(HELP);
}
