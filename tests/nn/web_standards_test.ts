import { assert } from "@std/assert";

Deno.test("models and training run in a browser, and import only what lies below them", async () => {
  const layers = ["kernels", "gpu", "tensor", "ops", "losses", "nn", "train"];
  const seen = new Set<string>();
  const queue = ["nn", "train"].map((name) =>
    new URL(`../../lib/${name}/mod.ts`, import.meta.url).href
  );
  while (queue.length > 0) {
    const url = queue.pop()!;
    if (seen.has(url)) continue;
    seen.add(url);
    const code = (await Deno.readTextFile(new URL(url))).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    assert(!/(?<!")\bDeno\.\w|\bprocess\.\w/.test(code), `${url} uses Deno`);
    for (const [, specifier] of code.matchAll(/^(?:import|export)\s[^;"`]*from\s+"([^"]+)"/gm)) {
      assert(specifier.startsWith("."), `${url} imports ${specifier}`);
      const imported = new URL(specifier, url).href;
      queue.push(imported);
      const [from, to] = [url, imported].map((path) =>
        layers.findIndex((layer) => path.includes(`/${layer}/`))
      );
      // Random numbers and batches are shared with the generators of data, as far as those files
      // stand here, too: they are looked at like the others.
      if (to < 0) assert(imported.includes("/lib/data/"), `${url} imports ${imported}`);
      else assert(to <= from, `${url} imports ${imported}`);
    }
  }
  assert(seen.size > 80, `only ${seen.size} files were looked at`);
});
