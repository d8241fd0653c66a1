/**
 * Tables in CSV or JSON lines, read strictly: nothing is guessed, skipped or repaired in silence.
 */
import { CsvError, parse } from "csv-parse/sync";

/** A row of a table and where it stands. */
export interface TableRow<Column extends string> {
  /** The line of the file on which the row begins, counted from 1. */
  readonly line: number;
  readonly cells: Readonly<Record<Column, string>>;
}

/** Thrown for a table that is not as it should be; the message names file, line and cause. */
export class TableError extends Error {
  override name = "TableError";

  constructor(
    /** The file's name. */
    readonly source: string,
    /** The line of the file on which the offending row begins, counted from 1. */
    readonly line: number,
    /** What is wrong. */
    readonly reason: string,
  ) {
    super(`${source}, line ${line}: ${reason}`);
  }
}

/** Options of {@linkcode readTable} and {@linkcode parseTable}. */
export interface TableOptions<Column extends string> {
  /** The columns that must exist and have no empty cells; others are ignored. */
  columns: readonly Column[];
  /** Told from the file's name by default: `.jsonl` and `.ndjson`, and everything else as CSV. */
  format?: "csv" | "jsonl";
  /**
   * What becomes of end-of-file characters (0x1A), at which some readers stop as if the file ended
   * there: removed and noticed, or refused, or kept.
   */
  endOfFileCharacters?: "remove" | "refuse" | "keep";
  /** Hears what was changed. By default nobody does. */
  onNotice?: (notice: string) => void;
}

/**
 * Reads a table from a file.
 *
 * @throws TableError if the file is not UTF-8, a quote is open or misplaced, a row has too few or
 *   too many cells, a column is missing or named twice, or a cell is empty
 */
export async function readTable<Column extends string>(
  path: string,
  options: TableOptions<Column>,
): Promise<TableRow<Column>[]> {
  const bytes = await Deno.readFile(path);
  const source = path.split(/[\\/]/).at(-1)!;
  const format = options.format ?? (/\.(jsonl|ndjson)$/i.test(path) ? "jsonl" : "csv");
  return parseTable(decode(bytes, source), source, { ...options, format });
}

/** As {@linkcode readTable}, for text that was read elsewhere; `source` names it in errors. */
export function parseTable<Column extends string>(
  text: string,
  source: string,
  options: TableOptions<Column>,
): TableRow<Column>[] {
  const { columns, endOfFileCharacters = "remove", onNotice = () => {} } = options;
  let body = text.replace(/^\ufeff/, "");
  // A DOS text file may end with the character.
  while (body.endsWith("\x1a")) body = body.slice(0, -1);
  const rows = options.format === "jsonl"
    ? parseJsonLines(body, source, columns)
    : parseCsv(body, source, columns);
  for (const { line, cells } of rows) {
    for (const column of columns) {
      if (endOfFileCharacters !== "keep" && cells[column].includes("\x1a")) {
        const found = `the column "${column}" has an end-of-file character (0x1A)`;
        if (endOfFileCharacters === "refuse") throw new TableError(source, line, `${found}.`);
        onNotice(`${source}, line ${line}: ${found}, which was removed.`);
        cells[column] = cells[column].replaceAll("\x1a", "");
      }
      if (cells[column].trim() === "") {
        throw new TableError(source, line, `the column "${column}" is empty.`);
      }
    }
  }
  return rows;
}

type MutableRow<Column extends string> = { line: number; cells: Record<Column, string> };

function parseCsv<Column extends string>(
  text: string,
  source: string,
  columns: readonly Column[],
): MutableRow<Column>[] {
  const bytes = new TextEncoder().encode(text);
  const rows: MutableRow<Column>[] = [];
  // The parser's own line numbers count CRLF inside quotes twice; its byte positions are right.
  let position = 0, line = 1;
  const advance = (end: number) => {
    for (; position < end; position++) if (bytes[position] === 10) line++;
  };
  let header: string[] | undefined;
  try {
    parse(text, {
      record_delimiter: ["\r\n", "\n"],
      on_record: (cells: string[], { bytes: end }) => {
        if (!header) {
          header = cells;
          checkHeader(header, columns, source);
        } else {
          const named = columns.map((column) => [column, cells[header!.indexOf(column)]]);
          rows.push({ line, cells: Object.fromEntries(named) });
        }
        advance(end);
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new TableError(source, line, describe(error, bytes, position, header));
  }
  if (!header) throw new TableError(source, 1, "the table is empty, it has not even a header.");
  return rows;
}

function checkHeader(header: readonly string[], columns: readonly string[], source: string): void {
  for (const column of columns) {
    const count = header.filter((name) => name === column).length;
    if (count === 1) continue;
    const found = header.map((name) => JSON.stringify(name)).join(", ");
    const fault = count === 0 ? "is missing" : "is named twice";
    throw new TableError(source, 1, `the column "${column}" ${fault}; the header has ${found}.`);
  }
}

function describe(
  error: CsvError,
  bytes: Uint8Array,
  start: number,
  header: readonly string[] | undefined,
): string {
  // How many cells too few or too many is told by the library's count of the offending record.
  const cells = Array.isArray(error.record) ? error.record.length : undefined;
  switch (error.code as string) {
    case "CSV_QUOTE_NOT_CLOSED":
      return "a quote is opened in this row and closed nowhere in the rest of the file.";
    case "INVALID_OPENING_QUOTE":
      return 'a quote stands inside a cell that does not begin with one; write the cell in quotes and its own quotes twice ("").';
    case "CSV_INVALID_CLOSING_QUOTE":
      return "a quote ends a cell, but neither a comma nor the row's end follows; the quotes of this row, or of one above, are unbalanced.";
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH":
    case "CSV_RECORD_INCONSISTENT_COLUMNS": {
      const empty = bytes[start] === 10 || (bytes[start] === 13 && bytes[start + 1] === 10);
      if (empty) return "the row is empty.";
      return `the row has ${cells ?? "another number of"} cells, but the header ${header?.length}.`;
    }
    default:
      return `${error.message}.`;
  }
}

function parseJsonLines<Column extends string>(
  text: string,
  source: string,
  columns: readonly Column[],
): MutableRow<Column>[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines.map((content, i) => {
    const line = i + 1;
    if (content.trim() === "") throw new TableError(source, line, "the row is empty.");
    let value: unknown;
    try {
      value = JSON.parse(content);
    } catch (error) {
      throw new TableError(source, line, `the row is not JSON: ${(error as Error).message}.`);
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new TableError(source, line, "the row is not a JSON object.");
    }
    const cells = columns.map((column) => {
      const cell = Object.hasOwn(value, column) ? (value as Record<string, unknown>)[column] : null;
      if (cell === null) throw new TableError(source, line, `the column "${column}" is missing.`);
      if (typeof cell !== "string") {
        const shown = JSON.stringify(cell).slice(0, 40);
        throw new TableError(source, line, `the column "${column}" is not a string but ${shown}.`);
      }
      return [column, cell];
    });
    return { line, cells: Object.fromEntries(cells) };
  });
}

function decode(bytes: Uint8Array, source: string): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch {
    let start = 0;
    for (let line = 1;; line++) {
      const newline = bytes.indexOf(10, start);
      const end = newline < 0 ? bytes.length : newline + 1;
      try {
        decoder.decode(bytes.subarray(start, end));
      } catch {
        throw new TableError(source, line, "the line is not UTF-8 text.");
      }
      start = end;
    }
  }
}
