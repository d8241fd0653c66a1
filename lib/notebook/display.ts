import { jupyter } from "./jupyter.ts";
import type { OutputMetadata } from "./outputs.ts";

/** One thing in several MIME types, and what Cutloss says about it. */
export interface Output {
  /** By MIME type; `text/plain` is what is printed outside a notebook. */
  data: Record<string, unknown>;
  metadata?: OutputMetadata;
}

/**
 * Shows an output below the running cell, or prints its plain text outside a notebook.
 *
 * @param options.id makes it a display that `update: true` with the same id replaces
 * @param options.hurry does not wait until it has left the kernel: for those that are soon replaced
 */
export async function display(
  output: Output,
  options: { id?: string; update?: boolean; hurry?: boolean } = {},
): Promise<void> {
  const kernel = jupyter();
  if (!kernel) {
    console.log(output.data["text/plain"]);
    return;
  }
  await kernel.broadcast(options.update ? "update_display_data" : "display_data", {
    data: output.data,
    metadata: output.metadata ? { cutloss: output.metadata } : {},
    transient: options.id === undefined ? {} : { display_id: options.id },
  });
  if (!options.hurry) await settle(JSON.stringify(output.data).length);
}

/**
 * Waits until what was shown has left the kernel, to be called before a cell may end.
 *
 * The kernel puts outputs into a queue that it empties beside the cell, at some 2,000 messages a
 * second, and tells nobody when it has done so. Were a cell to end before, a frontend would put the
 * rest below the next cell, or lose it. A machine under load wakes both late, the cell and what
 * empties the queue: so the wait is repeated until one has ended in time.
 *
 * @param bytes size of the output
 */
export async function settle(bytes = 0): Promise<void> {
  if (!jupyter()) return;
  const wait = 20 + bytes / 20_000;
  for (let attempt = 0; attempt < 5; attempt++) {
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (performance.now() - began < 1.5 * wait) return;
  }
}
