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
 */
export async function display(
  output: Output,
  options: { id?: string; update?: boolean } = {},
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
}

/**
 * Lets printed text leave before the cell ends.
 *
 * The Deno kernel reads what a cell prints from a pipe, beside the cell; a frontend would put what
 * it reads after the cell's end below the next cell.
 */
export async function settle(): Promise<void> {
  if (jupyter()) await new Promise((resolve) => setTimeout(resolve, 20));
}
