/** What README.md lets its reader type or paste works as it stands, but for sizes and addresses. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as esbuild from "esbuild";
import { fileURLToPath } from "node:url";
import { Gpt2, Gpu, memoryFiles, trainBpe } from "../lib/mod.ts";
import { chromiumPath, complaints, launch, newPage } from "./report/browser.ts";

const ROOT = new URL("../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));

/** The blocks of code in a language. */
function blocks(language: string): string[] {
  const all = README.matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return [...all].flatMap(([, name, code]) => name === language ? [code] : []);
}

/** A text with parts replaced, each of which it must have. */
function replaced(text: string, parts: Record<string, string>): string {
  for (const [part, by] of Object.entries(parts)) {
    assertStringIncludes(text, part);
    text = text.replaceAll(part, by);
  }
  return text;
}

/** Type-checks and runs a program that imports "cutloss", and returns the lines that it prints. */
async function run(program: string): Promise<string[]> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, program);
    const config = fileURLToPath(new URL("deno.json", ROOT));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--check", "--quiet", "--config", config, path],
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert(success, err);
    return out.trimEnd().split("\n");
  } finally {
    await Deno.remove(path);
  }
}

const [loss, training, ...others] = blocks("ts");

Deno.test("README: the example of the loss prints the loss of no knowledge and a peak of memory", async () => {
  const inputs =
    `const embeddings = new Float32Array(2 * 16 * 12), classifier = new Float32Array(40 * 12);
const targets = Int32Array.from({ length: 2 * 16 }, (_, i) => i);
`;
  const sizes = { "[8, 1024, 768]": "[2, 16, 12]", "[50257, 768]": "[40, 12]" };
  const [line] = await run(inputs + replaced(loss, sizes));
  const [value, peak] = line.split(" ").map(Number);
  assert(Math.abs(value - Math.log(40)) < 1e-5 && peak > 0, line);
  assertEquals(others, [], "no block without a test");
});

Deno.test("README: the tiny GPT-2 learns its text by heart", async () => {
  const lines = await run(training);
  const losses = lines.flatMap((line) => /^step \d+: loss (.*)$/.exec(line)?.[1] ?? []).map(Number);
  assert(losses.length > 1 && losses[0] > 3 && losses.at(-1)! < 0.5, losses.join());
  assert(/^The cat (sat|saw|ran) /.test(lines.at(-1)!), lines.at(-1));
});

/** The page's script as the command makes it, which is typed in a shell. */
async function bundle(): Promise<string> {
  const line = README.split("\n").find((line) => line.startsWith("npx --yes esbuild@"))!;
  const [, version, entry, options] = /esbuild@(\S+) (\S+) (.*)$/.exec(line)!;
  assertEquals(version, esbuild.version);
  assertEquals(
    options,
    "--bundle --format=esm --target=es2022 --minify --outfile=cutloss.js",
  );
  try {
    const { outputFiles } = await esbuild.build({
      ...{ entryPoints: [fileURLToPath(new URL(entry, ROOT))], write: false, outdir: "/" },
      ...{ bundle: true, format: "esm", target: "es2022", minify: true, logLevel: "silent" },
    });
    return outputFiles[0].text;
  } finally {
    await esbuild.stop();
  }
}

/** A GPT-2 and its tokenizer as the hub gives them, by name of the file. */
async function tinyModel(text: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  using gpu = await Gpu.open();
  const tokenizer = trainBpe([text], { vocabSize: 280 });
  const size = { vocabulary: 280, positions: 64, width: 16, layers: 1, heads: 2 };
  using model = new Gpt2(gpu, size);
  const files = memoryFiles();
  await model.save(files);
  await files.writeText("tokenizer.json", JSON.stringify(tokenizer.toJson()));
  return files.files;
}

Deno.test({
  name:
    "README: the page finetunes a GPT-2, stores it in its folder, and goes on when opened again",
  ignore: !chromiumPath,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const script = await bundle();
    const stream = new Blob([script]).stream().pipeThrough(new CompressionStream("gzip"));
    const { byteLength } = await new Response(stream).arrayBuffer();
    const [, claimed] = /(\d+) KB on the way/.exec(README)!;
    assert(Math.abs(byteLength / 1000 - Number(claimed)) < 5, `${byteLength} bytes`);

    const [block] = blocks("html");
    const hub = "https://huggingface.co/openai-community/gpt2/resolve/main";
    const page = replaced(block, { [hub]: "/hub", "256": "64", "steps: 200": "steps: 12" })
      .replace("every: 50", "every: 5");
    const book = "It was the cat that sat on the mat, and it was the dog that sat on the log. "
      .repeat(30);
    const files = await tinyModel(book);
    const asked: string[] = [];
    await using server = Deno.serve({ port: 0, onListen: () => {} }, ({ url }) => {
      const { pathname } = new URL(url);
      asked.push(pathname);
      const type = (name: string) => ({ headers: { "Content-Type": name } });
      if (pathname === "/cutloss.js") return new Response(script, type("text/javascript"));
      if (pathname === "/book.txt") return new Response(book);
      const file = files.get(pathname.replace(/^\/hub\//, ""));
      if (file) return new Response(file);
      const icon = "<!doctype html><link rel=icon href=data:><body>";
      return new Response(icon + page, type("text/html"));
    });
    const browser = await launch("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader");
    try {
      const tab = await newPage(browser);
      const found = complaints(tab);
      const failure = new Promise<never>((_, reject) => tab.on("pageerror", reject));
      const shown = async () => {
        await Promise.race([tab.getByText("It was").waitFor(), failure]);
        return await tab.title();
      };
      await tab.goto(`http://localhost:${server.addr.port}/`);
      const first = await shown();
      assert(/^step 12: \d\.\d{3}$/.test(first), first);
      const stored = await tab.evaluate(async () => {
        const names = async (folder: string) => {
          // deno-lint-ignore no-explicit-any -- a browser's storage, which Deno's types do not know
          const root = await (navigator as any).storage.getDirectory();
          const names: string[] = [];
          for await (const name of (await root.getDirectoryHandle(folder)).keys()) names.push(name);
          return names.sort();
        };
        return [await names("run 1"), await names("my GPT-2")];
      });
      assertEquals(stored[1], ["config.json", "model.safetensors"]);
      assert(stored[0].includes("step-00000012"), stored[0].join());
      await tab.reload();
      // The training is complete: nothing is left to do but to write.
      assertEquals(await shown(), "");
      assertEquals(found.filter((text) => !text.startsWith("asked for")), []);
      assert(asked.includes("/hub/model.safetensors"));
    } finally {
      await browser.close();
    }
  },
});
