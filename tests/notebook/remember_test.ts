import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { libraryDigest } from "../../lib/notebook/library_digest.ts";
import { readerPath } from "../../lib/notebook/reader_path.ts";
import { remember } from "../../lib/notebook/remember.ts";

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("what was found once is not looked for again, what failed is", () =>
  withFolder(async (folder) => {
    const path = join(folder, "deep", "value.json");
    let calls = 0;
    const find = () => ({ accuracy: 0.5, calls: ++calls });
    await assertRejects(() => remember(path, () => Promise.reject(new Error("killed"))), Error);
    assertEquals(await remember(path, find), { accuracy: 0.5, calls: 1 });
    assertEquals(await remember(path, find), { accuracy: 0.5, calls: 1 });
    assertEquals(await remember(join(folder, "other.json"), find), { accuracy: 0.5, calls: 2 });
  }));

Deno.test("a file is found from where the command was typed, then from where cells run", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "a.csv"), "");
    const env = (variables: Record<string, string>) => (name: string) => variables[name];
    const from = (name: string, variables: Record<string, string>) =>
      readerPath(name, env(variables));
    const found = join(folder, "a.csv");
    assertEquals((await from("a.csv", { INIT_CWD: folder, PWD: "/" })).path, found);
    assertEquals((await from("a.csv", { PWD: folder })).path, found);
    assertEquals((await from(found, {})).path, found);
    const here = join(Deno.cwd(), "deno.json");
    assertEquals((await from("deno.json", { INIT_CWD: folder })).path, here);
    // A file is no folder, and what is not there is not there.
    assertEquals((await from("a.csv/b.csv", { PWD: folder })).path, undefined);
    const missing = await from("b.csv", { INIT_CWD: folder, PWD: folder });
    assertEquals(missing.path, undefined);
    assertEquals(missing.tried, [join(folder, "b.csv"), join(Deno.cwd(), "b.csv")]);
  }));

Deno.test("a changed, renamed or new source file changes the library's digest, a note does not", () =>
  withFolder(async (folder) => {
    const root = pathToFileURL(`${folder}/`);
    for (
      const name of ["classic", "data", "gpu", "losses", "nn", "ops", "tensor", "text", "train"]
    ) {
      await Deno.mkdir(join(folder, "lib", name), { recursive: true });
    }
    await Deno.mkdir(join(folder, "kernels"));
    const seen = [await libraryDigest(root)];
    const change = async (action: Promise<void>) => {
      await action;
      seen.push(await libraryDigest(root));
    };
    await change(Deno.writeTextFile(join(folder, "kernels/a.ts"), "1"));
    await change(Deno.writeTextFile(join(folder, "kernels/a.ts"), "2"));
    await change(Deno.rename(join(folder, "kernels/a.ts"), join(folder, "lib/nn/a.ts")));
    assertEquals(new Set(seen).size, 4);
    await change(Deno.writeTextFile(join(folder, "lib/nn/a.md"), "a note"));
    assertEquals(seen.at(-1), seen.at(-2));
    assertEquals(await libraryDigest(), await libraryDigest());
  }));
