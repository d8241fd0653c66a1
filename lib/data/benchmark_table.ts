import { parse } from "csv-parse/sync";

/**
 * Rows of a stored benchmark, by column; numbers stay text. None if the file does not exist.
 *
 * @throws what the file system says otherwise, or csv-parse about a malformed file
 */
export async function readBenchmark(path: string | URL): Promise<Record<string, string>[]> {
  try {
    return parse(await Deno.readTextFile(path), { columns: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
