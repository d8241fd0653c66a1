import { jupyter } from "./jupyter.ts";

/** A cell was interrupted by its reader. */
export class InterruptedError extends Error {
  override name = "InterruptedError";
  constructor() {
    super("The cell was interrupted. The kernel and its variables are as they were left.");
  }
}

interface State {
  controller: AbortController;
  /** When the last macrotask pause of `breathe` was. */
  breathed: number;
}

const STATE = Symbol.for("cutloss.notebook.interrupt");

/** One state for all copies of this module in a kernel. */
function state(): State {
  const global = globalThis as { [STATE]?: State };
  return global[STATE] ??= { controller: new AbortController(), breathed: 0 };
}

/**
 * Makes "interrupt kernel" stop the running cell only.
 *
 * Jupyter interrupts a kernel by SIGINT, which would end the Deno kernel and all its variables.
 * After this, the signal is remembered, and what polls {@link checkInterrupt}, {@link breathe} or a
 * progress bar throws {@link InterruptedError}. A loop that never awaits anything cannot be reached:
 * restart the kernel.
 * Does nothing outside a notebook, and nothing the second time.
 */
export function installInterruptHandler(): void {
  const global = globalThis as { [INSTALLED]?: true };
  if (!jupyter() || global[INSTALLED]) return;
  global[INSTALLED] = true;
  Deno.addSignalListener("SIGINT", () => state().controller.abort(new InterruptedError()));
}

const INSTALLED = Symbol.for("cutloss.notebook.interrupt.installed");

/** Aborted when the reader interrupts; a new one serves after that has been taken up. */
export function interruptSignal(): AbortSignal {
  return state().controller.signal;
}

/** Whether the reader has interrupted and nothing has taken it up yet. */
export function interrupted(): boolean {
  return state().controller.signal.aborted;
}

/**
 * Throws {@link InterruptedError} if the reader has interrupted. For loops that await something
 * real (a read-back, a file) in each round; others call {@link breathe}.
 */
export function checkInterrupt(): void {
  const current = state();
  if (!current.controller.signal.aborted) return;
  current.controller = new AbortController();
  throw new InterruptedError();
}

/**
 * Lets the kernel see its messages and signals, at most twenty times a second so that it may be
 * called in every round of a loop, and throws {@link InterruptedError} if the reader interrupted.
 */
export async function breathe(): Promise<void> {
  const current = state();
  if (performance.now() - current.breathed > 50) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    current.breathed = performance.now();
  }
  checkInterrupt();
}
