import { dirname } from "node:path";
import { cellTags, joinText, type NotebookCell, type NotebookFile } from "./nbformat.ts";
import { DenoKernel, type ExecutionReply, KernelDiedError } from "./kernel/kernel.ts";
import { OutputCollector } from "./kernel/outputs.ts";
import { readNotebook, writeNotebook } from "./notebook_file.ts";
import { injectParameters, type ParameterValues } from "./parameters.ts";

/** Where an execution stands, for whoever shows it. */
export interface ExecutionProgress {
  /** The path of the notebook. */
  notebook: string;
  /** The code cell that starts now, from 1; `cells + 1` when all are done. */
  cell: number;
  /** How many code cells there are. */
  cells: number;
  /** The cell's first line that says something. */
  title: string;
  /** Since the execution began. */
  seconds: number;
}

/** Options of {@link executeNotebook}. */
export interface ExecuteNotebookOptions {
  /** Where to write the executed copy; nothing is written without it. */
  out?: string;
  /** Sets CUTLOSS_SCALE for the notebook: smoke, laptop or full. */
  scale?: string;
  /** Sets CUTLOSS_SEED. */
  seed?: number;
  /** Sets parameters of the notebook: see {@link injectParameters}. */
  parameters?: ParameterValues;
  /** More environment variables. */
  env?: Record<string, string>;
  /** The longest that one cell may take, in seconds (default 1800). */
  timeoutPerCell?: number;
  /** Called before each code cell and at the end. */
  onProgress?: (progress: ExecutionProgress) => void;
  /** Stops the execution and ends the kernel. */
  signal?: AbortSignal;
}

/** A notebook with the outputs of this run. */
export interface ExecutedNotebook {
  notebook: NotebookFile;
  seconds: number;
}

/** A cell threw, took too long, or lost its kernel. */
export class CellError extends Error {
  override name = "CellError";
  constructor(
    /** The path of the notebook. */
    readonly notebook: string,
    /** The number of the cell among the code cells, from 1. */
    readonly cell: number,
    /** The cell's source. */
    readonly source: string,
    /** What went wrong: the error's name, message and stack, or a sentence. */
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    const code = source.trimEnd().split("\n").map((line) => `  │ ${line}`).join("\n");
    super(`${notebook}: code cell ${cell} failed.\n${code}\n${problem}`, options);
  }
}

/**
 * Executes a notebook on a Deno kernel of its own, without Jupyter, and returns it with outputs.
 *
 * Cells run in the notebook's folder, one after the other, up to the first that fails. A cell fails
 * if it throws, if a promise is rejected in it that nobody awaits, if it takes longer than
 * `timeoutPerCell`, or if the kernel ends. A cell tagged `raises-exception` may throw. The executed
 * copy is written to `out` also after a failure, with the outputs so far. The kernel's process has
 * ended when the returned promise settles, whatever happened.
 *
 * @throws CellError if a cell fails; the signal's reason if it was aborted; Error if the notebook has
 * no such parameter
 */
export async function executeNotebook(
  path: string,
  options: ExecuteNotebookOptions = {},
): Promise<ExecutedNotebook> {
  const { signal, timeoutPerCell = 1800 } = options;
  signal?.throwIfAborted();
  const notebook = await readNotebook(path);
  if (options.parameters) injectParameters(notebook, options.parameters, path);
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  const codeCells = notebook.cells.filter((cell) => cell.cell_type === "code");
  for (const cell of codeCells) Object.assign(cell, { outputs: [], execution_count: null });

  const kernel = await DenoKernel.start({
    cwd: dirname(await Deno.realPath(path)),
    env: {
      // What is set for this notebook goes before what the environment says for all.
      ...options.parameters?.scale !== undefined && { CUTLOSS_SCALE: "" },
      ...options.parameters?.seed !== undefined && { CUTLOSS_SEED: "" },
      ...options.scale !== undefined && { CUTLOSS_SCALE: options.scale },
      ...options.seed !== undefined && { CUTLOSS_SEED: String(options.seed) },
      ...options.env,
    },
  });
  const abort = () => void kernel.kill();
  signal?.addEventListener("abort", abort);
  const collector = new OutputCollector();
  try {
    signal?.throwIfAborted();
    for (const [index, cell] of codeCells.entries()) {
      const source = joinText(cell.source);
      const number = index + 1;
      options.onProgress?.({
        ...{ notebook: path, cell: number, cells: codeCells.length },
        ...{ title: titleOf(source), seconds: elapsed() },
      });
      if (source.trim() === "") continue;
      const problem = await runCell(kernel, cell, collector, timeoutPerCell);
      signal?.throwIfAborted();
      if (problem) {
        throw new CellError(path, number, source, problem.text, { cause: problem.cause });
      }
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    await kernel.close();
    notebook.metadata = executedMetadata(notebook, options, elapsed());
    if (options.out) await writeNotebook(options.out, notebook);
  }
  const cells = codeCells.length;
  const progress = { notebook: path, cell: cells + 1, cells, title: "", seconds: elapsed() };
  options.onProgress?.(progress);
  return { notebook, seconds: progress.seconds };
}

/** Runs one cell, stores what it left, and returns what went wrong, if anything did. */
async function runCell(
  kernel: DenoKernel,
  cell: NotebookCell,
  collector: OutputCollector,
  timeout: number,
): Promise<{ text: string; cause?: unknown } | undefined> {
  const started = new Date().toISOString();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    kernel.kill();
  }, timeout * 1000);
  collector.begin();
  let reply: ExecutionReply | undefined;
  let died: KernelDiedError | undefined;
  try {
    reply = await kernel.execute(joinText(cell.source), {
      onMessage: (message) => collector.add(message),
    });
  } catch (error) {
    if (!(error instanceof KernelDiedError)) throw error;
    died = error;
  } finally {
    clearTimeout(timer);
  }
  cell.outputs = collector.end();
  cell.execution_count = reply?.executionCount ?? null;
  cell.metadata = {
    ...cell.metadata,
    execution: {
      "iopub.execute_input": started,
      "shell.execute_reply": new Date().toISOString(),
    },
  };
  if (timedOut) {
    return { text: `It took longer than ${timeout} s and was stopped with its kernel.` };
  }
  if (died) return { text: died.message, cause: died };
  if (cellTags(cell).includes("raises-exception")) return;
  if (reply?.status !== "ok") {
    return { text: reply?.error?.traceback.join("\n") || `The kernel replied ${reply?.status}.` };
  }
  const unhandled = cell.outputs.find((output) => output.output_type === "error");
  if (unhandled) return { text: `${unhandled.ename}: ${unhandled.traceback?.join("\n")}` };
}

function titleOf(source: string): string {
  const line = source.split("\n").find((line) => line.trim() && !line.startsWith("import")) ?? "";
  return line.replace(/^\s*(\/\/|\/\*+)\s*/, "").trim();
}

function executedMetadata(
  notebook: NotebookFile,
  options: ExecuteNotebookOptions,
  seconds: number,
): Record<string, unknown> {
  // What the author wrote there, such as a title for the index, stays; what an earlier run did, goes.
  const { scale: _, seed: __, parameters: ___, ...authored } =
    (notebook.metadata.cutloss ?? {}) as Record<string, unknown>;
  return {
    ...notebook.metadata,
    kernelspec: { name: "deno", display_name: "Deno", language: "typescript" },
    language_info: {
      name: "typescript",
      file_extension: ".ts",
      mimetype: "text/x.typescript",
      nbconvert_exporter: "script",
      pygments_lexer: "typescript",
      version: Deno.version.typescript,
    },
    cutloss: {
      ...authored,
      ...options.scale !== undefined && { scale: options.scale },
      ...options.seed !== undefined && { seed: options.seed },
      ...options.parameters && { parameters: options.parameters },
      executed: new Date().toISOString(),
      seconds: Math.round(seconds * 10) / 10,
      deno: Deno.version.deno,
    },
  };
}
