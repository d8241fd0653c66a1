import { writeNotebook } from "../../lib/report/notebook_file.ts";

/** Writes a notebook of code cells into a new temporary folder and returns its path. */
export async function notebookOf(...sources: (string | { source: string; tags: string[] })[]) {
  const folder = await Deno.makeTempDir({ prefix: "cutloss-test-" });
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
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5,
  });
  return path;
}

/** Whether a process with this identity exists (Linux and macOS). */
export function isAlive(pid: number): boolean {
  const { success } = new Deno.Command("kill", { args: ["-0", `${pid}`], stderr: "null" })
    .outputSync();
  return success;
}
