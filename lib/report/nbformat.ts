/**
 * Jupyter's notebook format, version 4.5, as far as pages are made from it.
 *
 * Source: https://nbformat.readthedocs.io/en/latest/format_description.html
 */

/** A text of a notebook file: one string, or its lines with their line ends. */
export type MultilineText = string | string[];

/** The same thing in several MIME types. */
export type MimeBundle = Record<string, unknown>;

/** What a code cell left behind. */
export interface NotebookOutput {
  output_type: "stream" | "display_data" | "execute_result" | "error";
  /** Of a stream: "stdout" or "stderr". */
  name?: string;
  text?: MultilineText;
  data?: MimeBundle;
  metadata?: Record<string, unknown>;
  execution_count?: number | null;
  ename?: string;
  evalue?: string;
  traceback?: string[];
}

/** A cell of a notebook. */
export interface NotebookCell {
  id?: string;
  cell_type: "markdown" | "code" | "raw";
  source: MultilineText;
  metadata?: Record<string, unknown>;
  outputs?: NotebookOutput[];
  execution_count?: number | null;
  attachments?: Record<string, MimeBundle>;
}

/** A notebook as its file holds it. */
export interface NotebookFile {
  nbformat: number;
  nbformat_minor: number;
  metadata: Record<string, unknown>;
  cells: NotebookCell[];
}

/** Joins the lines of a text; anything that is not text gives "". */
export function joinText(text: unknown): string {
  if (typeof text === "string") return text;
  return Array.isArray(text) ? text.join("") : "";
}

/** The tags of a cell. */
export function cellTags(cell: NotebookCell): string[] {
  const tags = cell.metadata?.tags;
  return Array.isArray(tags) ? tags.map(String) : [];
}

/**
 * Reads a notebook file.
 *
 * @throws {Error} If it is no JSON or no notebook of format 4; `name` is named in the message.
 */
export function parseNotebook(text: string, name: string): NotebookFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is no notebook: ${(error as Error).message}`);
  }
  const notebook = value as Partial<NotebookFile> | null;
  if (notebook?.nbformat !== 4 || !Array.isArray(notebook.cells)) {
    throw new Error(
      `${name} is no notebook of format 4: nbformat is ${notebook?.nbformat}, expected 4 with a list of cells.`,
    );
  }
  return { ...notebook, metadata: notebook.metadata ?? {} } as NotebookFile;
}
