import { jupyter } from "./jupyter.ts";

const INSTALLED = Symbol.for("cutloss.notebook.rejections");

/**
 * Makes the Deno kernel show promises that were rejected and never awaited.
 *
 * The kernel swallows them, so that a cell that forgot an `await` seems to succeed. After this
 * they appear as an error output. Does nothing outside a kernel, and nothing the second time.
 */
export function showUnhandledRejections(): void {
  const global = globalThis as { [INSTALLED]?: true };
  if (!jupyter() || global[INSTALLED]) return;
  global[INSTALLED] = true;
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    const reason = event.reason;
    const isError = reason instanceof Error;
    const stack = isError && reason.stack ? reason.stack : String(reason);
    jupyter()?.broadcast("error", {
      ename: `Unhandled ${isError ? reason.name : "rejection"}`,
      evalue: isError ? reason.message : String(reason),
      traceback: [
        "A promise was rejected and nothing awaited or caught it:",
        ...stack.split("\n"),
      ],
    });
  });
}
