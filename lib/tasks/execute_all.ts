import { basename, join } from "node:path";
import { CellError, executeNotebook } from "../report/execute.ts";
import { type NotebookFile, parseNotebook } from "../report/nbformat.ts";
import { ProgressLine } from "./progress_line.ts";
import { stopSignal } from "./stop_signal.ts";

/** The folder of the notebooks. */
export const NOTEBOOKS = new URL("../../notebooks/", import.meta.url);

/** Names of all notebooks, without extension, in order. */
export async function notebookNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(NOTEBOOKS)) {
    if (name.endsWith(".ipynb")) names.push(basename(name, ".ipynb"));
  }
  return names.sort();
}

/**
 * Names of the notebooks that `only` selects, in order; all if it is empty. A number selects the
 * notebook that is numbered so (2 is 02), and no other with that digit; a part of a name selects all
 * whose names hold it.
 *
 * @throws {Error} If one of `only` selects none.
 */
export function selectNotebooks(names: string[], only: string[]): string[] {
  const selected = new Set<string>();
  for (const wanted of only) {
    const found = names.filter((name) =>
      /^\d+$/.test(wanted)
        ? Number(numberOf(name)) === Number(wanted)
        : wanted !== "" && name.includes(wanted)
    );
    if (found.length === 0) {
      const there = names.join(", ") || "none";
      throw new Error(`${wanted || "An empty text"} names no notebook; there are ${there}.`);
    }
    found.forEach((name) => selected.add(name));
  }
  return only.length === 0 ? names : names.filter((name) => selected.has(name));
}

/**
 * The order to execute notebooks in: as they are numbered, except that one which opens what another
 * leaves behind (`metadata.cutloss.opens` names it) comes after that one.
 */
export async function executionOrder(
  names: readonly string[],
  folder = NOTEBOOKS,
): Promise<string[]> {
  const order: string[] = [];
  const visit = async (name: string, above: readonly string[]) => {
    if (order.includes(name) || above.includes(name)) return;
    const notebook = parseNotebook(await Deno.readTextFile(new URL(`${name}.ipynb`, folder)), name);
    const { opens } = (notebook.metadata.cutloss ?? {}) as { opens?: string };
    if (opens !== undefined && names.includes(opens)) await visit(opens, [...above, name]);
    order.push(name);
  };
  for (const name of names) await visit(name, []);
  return order;
}

/** Options of {@link executeAll}. */
export interface ExecuteAllOptions {
  /** Folder of the executed copies; none are written without it. */
  directory?: string;
  scale?: string;
  seed?: number;
  /** What goes on with notebooks that are named behind it, to be said after Ctrl-C. */
  command?: string;
  /**
   * Each notebook gets an empty cache folder: no model, checkpoint or choice of earlier runs. None
   * opens what another leaves behind then, so several are executed at a time.
   */
  afresh?: boolean;
}

/** Notebooks at a time, if it may be several: each has a kernel and a device of its own. */
const AT_A_TIME = Math.min(navigator.hardwareConcurrency, 4);

/** What {@link executeAll} has of a notebook. */
export interface Execution {
  /** Without it, the notebook failed. */
  notebook?: NotebookFile;
  /** What went wrong, such as "code cell 3 failed". */
  failure?: string;
}

/**
 * Executes notebooks and shows where it stands. A notebook that fails does not keep the others from
 * being executed. Ctrl-C, or SIGTERM, ends the process with code 130.
 *
 * @param names without extension, of the folder notebooks
 */
export async function executeAll(
  names: readonly string[],
  { directory, scale, seed, afresh, command }: ExecuteAllOptions,
): Promise<Map<string, Execution>> {
  const executions = new Map<string, Execution>();
  using stop = stopSignal();
  if (directory !== undefined) await makeFolder(directory);
  const width = Math.max(...names.map((name) => name.length));
  let begun = 0;
  const line = new ProgressLine();
  const execute = async (name: string) => {
    const place = `${++begun}/${names.length}`;
    await using cache = afresh ? await emptyCache() : undefined;
    try {
      const { notebook, seconds } = await executeNotebook(
        join(Deno.realPathSync(NOTEBOOKS), `${name}.ipynb`),
        {
          ...directory !== undefined && { out: join(directory, `${name}.ipynb`) },
          ...{ scale, seed, signal: stop.signal, env: cache?.env },
          onProgress: ({ cell, cells, title }) => {
            if (cell > cells) return;
            const count = `cell ${String(cell).padStart(String(cells).length)}/${cells}`;
            line.step((elapsed) =>
              `${elapsed}  ${place}  ${name.padEnd(width)}  ${count}  ${title}`
            );
          },
        },
      );
      line.finish(`${name.padEnd(width)}  executed in ${seconds.toFixed(1)} s`);
      executions.set(name, { notebook });
    } catch (error) {
      line.finish();
      if (!(error instanceof CellError)) throw error;
      console.error(`\n${error.message}\n`);
      executions.set(name, { failure: `code cell ${error.cell} failed` });
    }
  };
  try {
    const waiting = await executionOrder(names);
    const executeNext = async () => {
      for (let name; (name = waiting.shift()) !== undefined;) await execute(name);
    };
    await Promise.all(Array.from({ length: afresh ? AT_A_TIME : 1 }, executeNext));
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    line.finish();
    const on = directory !== undefined && command !== undefined;
    console.error(on ? stopped(names, executions, { directory, command }) : "Stopped.");
    Deno.exit(130);
  }
  return new Map(names.flatMap((name) => {
    const execution = executions.get(name);
    return execution ? [[name, execution]] : [];
  }));
}

/** The number that a notebook's name begins with, or the whole name of one without. */
const numberOf = (name: string) => /^\d+/.exec(name)?.[0] ?? name;

/** What is said after Ctrl-C: where the pages are that were made, and how to go on. */
export function stopped(
  names: readonly string[],
  executed: ReadonlyMap<string, Execution>,
  { directory, command }: { directory: string; command: string },
): string {
  const left = names.filter((name) => !executed.has(name));
  if (left.length === names.length) return "Stopped. No notebook was executed to its end.";
  return `Stopped. The notebooks executed so far are in ${directory}. To execute the others and ` +
    `make the site: ${command} ${left.map(numberOf).join(" ")}`;
}

/**
 * Makes a folder with those above it.
 *
 * @throws {Error} A sentence that names the folder and what to do.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
    // Whether one may write there is told by writing.
    await Deno.remove(await Deno.makeTempFile({ dir: path, prefix: ".cutloss-" }));
  } catch (error) {
    const reason = (error as Error).message.replace(/: (mkdir '.*|tmpfile)$/s, "");
    throw new Error(
      `The folder ${path} cannot be written to (${reason}). Name another with --out DIR.`,
    );
  }
}

/** An empty folder for the caches of a kernel, except for Deno's own with its packages. */
async function emptyCache(): Promise<AsyncDisposable & { env: Record<string, string> }> {
  const folder = await Deno.makeTempDir({ prefix: "cutloss-cache-" });
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout));
  return {
    env: { XDG_CACHE_HOME: folder, DENO_DIR: denoDir },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
