/** What those who import the library see: its types, its documentation, what would be published. */
import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

async function deno(...args: string[]): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
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

Deno.test("every type that lib/mod.ts or lib/hub/mod.ts speaks of can be imported from it", async () => {
  for (const entry of ["lib/mod.ts", "lib/hub/mod.ts"]) {
    const { output } = await deno("doc", "--lint", entry);
    assert(/documentation lint errors|Checked/.test(output), output.slice(0, 500));
    // Members whose names say it all have no comment; that is the only thing to be found.
    const found = output.split("\n\n").filter((text) => /^error\[(?!missing-jsdoc)/.test(text));
    assertEquals(found, [], entry);
  }
});

Deno.test("what is exported by its own name has a docstring", async () => {
  const { output } = await deno("doc", "--json", "lib/mod.ts");
  const [{ symbols }] = Object.values<{ symbols: Documented[] }>(JSON.parse(output).nodes);
  assert(symbols.length > 150, `${symbols.length} symbols`);
  const silent = symbols.filter(({ declarations }) =>
    !declarations.some(({ jsDoc }) => jsDoc?.doc)
  );
  assertEquals(silent.map(({ name }) => name), []);
});

Deno.test("the package could be published: no slow types, every import within", async () => {
  const { code, output } = await deno("publish", "--dry-run", "--allow-dirty");
  assertEquals(code, 0, output);
});
