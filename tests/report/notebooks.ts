import process from "node:process";
import { fileURLToPath } from "node:url";
import { writeNotebook } from "../../lib/report/notebook_file.ts";

/** Inside the repository, so that notebooks find its import map as those of notebooks/ do. */
const FOLDER = fileURLToPath(new URL("../../.cache/tests", import.meta.url));

/** Writes a notebook of code cells into a new folder, which goes with the tests; returns its path. */
export async function notebookOf(
  ...sources: (string | { source: string; tags: string[] })[]
): Promise<string> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: FOLDER });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const path = `${folder}/test.ipynb`;
  await writeNotebook(path, {
    cells: sources.map((source, i) => ({
      id: `cell-${i + 1}`,
      cell_type: "code",
      metadata: typeof source === "string" ? {} : { tags: source.tags },
      source: typeof source === "string" ? source : source.source,
      outputs: [],
      execution_count: null,
    })),
    metadata: { kernelspec: { name: "deno", display_name: "Deno", language: "typescript" } },
    nbformat: 4,
    nbformat_minor: 5,
  });
  return path;
}

/** Whether a process with this identity exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0); // signal 0 only asks
  } catch {
    return false;
  }
}
