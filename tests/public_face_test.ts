/** What those who import the library see: its types, its documentation, what would be published. */
import { assert, assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** What those who import the package start from; types of ops and nn are those of lib/mod.ts. */
const ENTRIES = [
  "lib/mod.ts",
  "lib/hub/mod.ts",
  "lib/classic/mod.ts",
  "lib/data/mod.ts",
  "lib/data/read.ts",
];

function deno(...args: string[]): Promise<{ code: number; output: string }> {
  return denoIn(ROOT, ...args);
}

async function denoIn(
  cwd: string | URL,
  ...args: string[]
): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, output: out + err };
}

/** Part of what `deno doc --json` tells. */
interface Documented {
  name: string;
  declarations: { jsDoc?: { doc?: string } }[];
}

Deno.test("every type that an entry of the package speaks of can be imported from it", async () => {
  for (const entry of ENTRIES) {
    const { output } = await deno("doc", "--lint", entry);
    assert(/documentation lint errors|Checked/.test(output), output.slice(0, 500));
    // Members whose names say it all have no comment; that is the only thing to be found.
    const found = output.split("\n\n").filter((text) => /^error\[(?!missing-jsdoc)/.test(text));
    assertEquals(found, [], entry);
  }
});

Deno.test("what is exported by its own name has a docstring", async () => {
  for (const entry of ENTRIES) {
    const { output } = await deno("doc", "--quiet", "--json", entry);
    const [{ symbols }] = Object.values<{ symbols: Documented[] }>(JSON.parse(output).nodes);
    assert(symbols.length > (entry === "lib/mod.ts" ? 150 : 15), `${symbols.length} of ${entry}`);
    const silent = symbols.filter(({ declarations }) =>
      !declarations.some(({ jsDoc }) => jsDoc?.doc)
    );
    assertEquals(silent.map(({ name }) => name), [], entry);
  }
});

Deno.test("the package could be published: no slow types, every import within", async () => {
  const { code, output } = await deno("publish", "--dry-run", "--allow-dirty");
  assertEquals(code, 0, output);
});

/** All modules of a folder of the repository, by their paths. */
async function* modules(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) yield* modules(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield `${folder}${name}`;
  }
}

Deno.test("the mod.ts of every folder can be imported by the path that it has in lib", async () => {
  const exported: Record<string, string> = config.exports;
  for await (const path of modules("lib/")) {
    if (!/^lib\/\w+\/mod\.ts$/.test(path)) continue;
    assertEquals(exported[path.replace("lib", ".")], `./${path}`);
  }
});

/** Examples of these import a file that only this repository has by that name. */
const OWN_NAMES = [
  "cutloss/notebook/wgsl_excerpt.ts",
  "cutloss/train/word_constraint.ts",
];

/** Imports of the package in a module's comments. */
function importsOfExamples(source: string): string[] {
  const lines = source.split("\n").flatMap((line) => /^ +\* ?(.*)$/.exec(line)?.[1] ?? []);
  const imports = lines.join("\n").matchAll(/^import [^;"]*? from "(cutloss[^"]*)";$/gm);
  return [...imports].flatMap(([statement, from]) => OWN_NAMES.includes(from) ? [] : statement);
}

Deno.test("what the examples of the docstrings import, a project finds that has the package", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // A link stands for what the registry would have.
    await Deno.writeTextFile(
      `${folder}/deno.json`,
      JSON.stringify({
        lock: false,
        links: [import.meta.dirname!.replace(/.tests$/, "")],
        imports: { cutloss: `jsr:${config.name}` },
      }),
    );
    const statements = new Set(['import { modelDir } from "cutloss/hub";']);
    for await (const path of modules("lib/")) {
      const source = await Deno.readTextFile(new URL(path, ROOT));
      importsOfExamples(source).forEach((statement) => statements.add(statement));
    }
    assert(statements.size > 30, `${statements.size} imports`);
    const files = [...statements].map((statement, i) => [`${folder}/${i}.ts`, statement]);
    for (const [file, statement] of files) await Deno.writeTextFile(file, statement);
    const { code, output } = await denoIn(folder, "check", ...files.map(([file]) => file));
    assertEquals(code, 0, output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
