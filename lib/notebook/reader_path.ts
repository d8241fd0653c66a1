import { resolve } from "node:path";

/**
 * Finds a file or folder that the reader named, for instance in an environment variable. A relative
 * name counts from the folder in which the reader stood when typing the command (`deno task` and
 * shells leave it in `INIT_CWD` and `PWD`), or from the notebook's own folder, in which cells run.
 *
 * @param env gives the value of an environment variable.
 * @returns the absolute path of the first that exists, and where it was looked for.
 */
export async function readerPath(
  name: string,
  env: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Promise<{ path: string | undefined; tried: string[] }> {
  const folders = [env("INIT_CWD"), env("PWD"), Deno.cwd()].filter((folder) =>
    folder !== undefined
  );
  const tried = [...new Set(folders.map((folder) => resolve(folder, name)))];
  for (const path of tried) {
    try {
      await Deno.stat(path);
      return { path, tried };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
        throw error;
      }
    }
  }
  return { path: undefined, tried };
}
