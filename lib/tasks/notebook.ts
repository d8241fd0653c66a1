/**
 * `deno task notebook`: executes one notebook without Jupyter.
 *
 * ```
 * deno task notebook 06 [--scale smoke|laptop|full] [--seed N] [--set NAME=VALUE] [--timeout SECONDS]
 *                       [--out FILE | --in-place]
 * ```
 */
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SCALES } from "../notebook/scale.ts";
import { CellError, executeNotebook } from "../report/execute.ts";
import type { ParameterValues } from "../report/parameters.ts";
import { readNotebook } from "../report/notebook_file.ts";
import { ensureAdapterFor } from "./adapter.ts";
import { NOTEBOOKS, selectNotebooks } from "./execute_all.ts";
import { ProgressLine } from "./progress_line.ts";
import { stopSignal } from "./stop_signal.ts";

const HELP = `deno task notebook NAME: execute one notebook; NAME is its number, a part of its name,
or the path of any other notebook for the Deno kernel.

  --scale SCALE      ${SCALES.join(", ")}; chosen by the adapter if left out
  --seed N           seed of everything random; the notebook's own if left out
  --set NAME=VALUE   a value of the notebook's parameters cell; may be repeated
  --timeout SECONDS  longest time of one cell; 1800 if left out
  --out FILE         where the executed copy goes; reports/notebooks/NAME.ipynb if left out
  --in-place         store the outputs in the notebook itself
`;

/** What the command line says. */
export interface NotebookTaskOptions {
  name: string;
  scale?: string;
  seed?: number;
  parameters?: ParameterValues;
  timeout?: number;
  out?: string;
  inPlace: boolean;
}

/**
 * Reads the arguments of `deno task notebook`; undefined if they ask for help.
 *
 * @throws {Error} A sentence that names the argument.
 */
export function readArguments(args: string[]): NotebookTaskOptions | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      scale: { type: "string" },
      seed: { type: "string" },
      set: { type: "string", multiple: true },
      timeout: { type: "string" },
      out: { type: "string" },
      "in-place": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  if (positionals.length !== 1) {
    throw new Error(`One notebook is to be named, such as 06; got ${positionals.length}.`);
  }
  const { scale } = values;
  if (scale !== undefined && !(SCALES as readonly string[]).includes(scale)) {
    throw new Error(`--scale is ${scale}, expected one of ${SCALES.join(", ")}.`);
  }
  if (values.set && values["in-place"]) {
    throw new Error("--set and --in-place exclude each other: the notebook keeps its own values.");
  }
  return {
    name: positionals[0],
    scale,
    seed: numberOf("seed", values.seed, Number.isSafeInteger, "a whole number from 0"),
    parameters: values.set && Object.fromEntries(values.set.map(readSetting)),
    timeout: numberOf("timeout", values.timeout, (n) => n > 0, "a number of seconds"),
    out: values.out,
    inPlace: values["in-place"] ?? false,
  };
}

/** Reads "seed=3" as a name and its value: a number, true, false, or else a text. */
export function readSetting(setting: string): [name: string, value: ParameterValues[string]] {
  const [, name, text] = /^(\w+)=(.*)$/s.exec(setting) ?? [];
  if (name === undefined) {
    throw new Error(`A parameter is given as "${setting}", expected NAME=VALUE, such as seed=3.`);
  }
  if (text === "true" || text === "false") return [name, text === "true"];
  const number = text.trim() === "" ? NaN : Number(text);
  return [name, Number.isFinite(number) ? number : text];
}

function numberOf(
  name: string,
  text: string | undefined,
  fits: (value: number) => boolean,
  expected: string,
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? NaN : Number(text);
  if (value >= 0 && fits(value)) return value;
  throw new Error(`--${name} is ${text}, expected ${expected}.`);
}

/**
 * The path of the notebook that a name means: a file's own path, or the one notebook of the folder
 * that it selects as {@link selectNotebooks} says.
 *
 * @throws {Error} If none or several do.
 */
export async function findNotebook(name: string, folder: string): Promise<string> {
  if (name.endsWith(".ipynb")) {
    const { isFile } = await Deno.stat(name).catch(() => ({ isFile: false }));
    if (isFile) return name;
    throw new Error(`There is no file ${name}.`);
  }
  const all: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".ipynb")) all.push(basename(entry.name, ".ipynb"));
  }
  const found = selectNotebooks(all.sort(), [name]);
  if (found.length === 1) return join(folder, `${found[0]}.ipynb`);
  throw new Error(`${name} names several notebooks, expected one of ${found.join(", ")}.`);
}

async function main(options: NotebookTaskOptions): Promise<number> {
  const path = await findNotebook(options.name, Deno.realPathSync(NOTEBOOKS));
  await ensureAdapterFor([await readNotebook(path)]);
  const out = options.out ?? join("reports", "notebooks", basename(path));
  await Deno.mkdir(join(out, ".."), { recursive: true });
  using stop = stopSignal();
  const line = new ProgressLine();
  try {
    const { seconds } = await executeNotebook(path, {
      ...{ out, scale: options.scale, seed: options.seed, timeoutPerCell: options.timeout },
      parameters: options.parameters,
      signal: stop.signal,
      onProgress: ({ cell, cells, title }) => {
        if (cell > cells) return;
        const count = `cell ${String(cell).padStart(String(cells).length)}/${cells}`;
        line.step((elapsed) => `${elapsed}  ${count}  ${title}`);
      },
    });
    // Only now, so that a failure leaves the outputs that the notebook has.
    if (options.inPlace) await Deno.copyFile(out, path);
    const where = resolve(options.inPlace ? path : out);
    line.finish(`${basename(path)} executed in ${seconds.toFixed(1)} s: ${where}`);
    return 0;
  } catch (error) {
    line.finish();
    if (stop.signal.aborted) {
      console.error("Stopped.");
      return 130;
    }
    if (!(error instanceof CellError)) throw error;
    console.error(`${error.message}\n\nThe outputs so far are in ${resolve(out)}`);
    return 1;
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
