import process from "node:process";
import { fileURLToPath } from "node:url";
import { writeNotebook } from "../../lib/report/notebook_file.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

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

/**
 * A folder like this project's, with a copy of one of its notebooks that may be changed: its cells
 * find lib, kernels and data where they look for them. It goes with the tests.
 */
export async function projectWith(notebook: string): Promise<string> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: FOLDER });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  for (const part of ["lib", "kernels", "data", "tests", "deno.json", "deno.lock"]) {
    await Deno.symlink(`${ROOT}${part}`, `${folder}/${part}`);
  }
  await Deno.mkdir(`${folder}/notebooks`);
  await Deno.copyFile(`${ROOT}notebooks/${notebook}`, `${folder}/notebooks/${notebook}`);
  return folder;
}
