import { joinText, type NotebookFile, parseNotebook } from "./nbformat.ts";

/**
 * Reads a notebook, brought to format 4.5: every cell has an id, every source is a list of lines.
 *
 * @throws Error if the file is no notebook of format 4
 */
export async function readNotebook(path: string): Promise<NotebookFile> {
  const notebook = parseNotebook(await Deno.readTextFile(path), path);
  notebook.nbformat_minor = Math.max(5, notebook.nbformat_minor ?? 0);
  for (const [index, cell] of notebook.cells.entries()) {
    cell.id ??= `cell-${index + 1}`;
    cell.metadata ??= {};
    cell.source = splitLines(joinText(cell.source));
    if (cell.cell_type !== "code") continue;
    cell.outputs ??= [];
    cell.execution_count ??= null;
  }
  return notebook;
}

/** Writes a notebook as Jupyter does: one space of indentation, a line end at the end. */
export async function writeNotebook(path: string, notebook: NotebookFile): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(notebook, null, 1) + "\n");
}

/** Splits text into lines that keep their line ends, as notebooks store it. */
export function splitLines(text: string): string[] {
  return text === "" ? [] : text.split(/(?<=\n)/);
}
