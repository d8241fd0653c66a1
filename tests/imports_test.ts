/** Who may import whom, and which files must run in a browser: see ARCHITECTURE.md. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** Layers, lowest first: each may import those before it. Those of one line stand side by side. */
const LAYERS = [
  ["kernels"],
  ["lib/gpu"],
  ["lib/tensor"],
  ["lib/ops", "lib/losses"],
  ["lib/nn"],
  ["lib/train"],
  ["lib/notebook", "lib/report"],
  ["lib/tasks"],
];
/** Layers that are one in two folders: they may import each other. */
const ONE_LAYER = ["lib/notebook", "lib/report"];
/** Beside the layers: these import only each other, and anybody may import them. */
const BESIDE = ["lib/text", "lib/data", "lib/classic", "lib/files", "lib/hub"];
/** What runs in a browser uses web standards only, and imports only what does so too. */
const FOR_BROWSERS = [
  ...LAYERS.slice(0, 6).flat(),
  "lib/text",
  "lib/classic",
  "lib/files",
  "lib/mod.ts",
];

/** Comments go; strings stay, because specifiers are strings. */
function codeOf(source: string): string {
  return source.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\/\*[\s\S]*?\*\/|(^|[^:\\])\/\/.*$/gm,
    (_, string, before) => string ?? before ?? "",
  );
}

/** Whether something of Deno is used; a text that begins with its name does no harm. */
function usesDeno(code: string): boolean {
  return /(?<!")\bDeno\s*[.[]/.test(code);
}

/** Specifiers of all imports and re-exports, also dynamic ones. */
function importsOf(code: string): string[] {
  const pattern =
    /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\s*\(\s*["']([^"']+)["']/gm;
  return [...code.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3]);
}

/** The folder whose rules hold for a file, such as "lib/gpu"; a file of its own, such as lib/mod.ts. */
function folderOf(path: string): string {
  return path.startsWith("kernels/") ? "kernels" : path.split("/").slice(0, 2).join("/");
}

/** The height of a folder among the layers; −1 beside them. */
function heightOf(folder: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folder));
}

/** Sentences about imports that break the rules. */
function violations(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const [path, source] of files) {
    const code = codeOf(source), folder = folderOf(path);
    const forBrowsers = FOR_BROWSERS.includes(folder);
    if (forBrowsers && usesDeno(code)) {
      found.push(`${path} uses Deno, but must run in a browser.`);
    }
    for (const specifier of importsOf(code)) {
      if (forBrowsers && specifier.startsWith("node:")) {
        found.push(`${path} imports ${specifier}, but must run in a browser.`);
      }
      const target = resolve(path, specifier);
      if (target === undefined) continue;
      const to = folderOf(target);
      if (!files.has(target)) found.push(`${path} imports ${target}, which does not exist.`);
      if (to === folder) continue;
      const from = heightOf(folder), height = heightOf(to);
      if (!allowed(folder, to, from, height)) {
        found.push(`${path} imports ${target}: ${folder} may not import ${to}.`);
      }
    }
  }
  return found;
}

/** The path of the module of ours that a specifier means; undefined for packages and data. */
function resolve(from: string, specifier: string): string | undefined {
  if (specifier === "cutloss") return "lib/mod.ts";
  if (specifier.startsWith("cutloss/")) return `lib/${specifier.slice("cutloss/".length)}`;
  if (!/^\..*\.ts$/.test(specifier)) return undefined;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function allowed(folder: string, to: string, from: number, height: number): boolean {
  if (folder === "lib/mod.ts") return FOR_BROWSERS.includes(to);
  if (to === "lib/mod.ts") return from >= heightOf("lib/notebook");
  if (BESIDE.includes(folder)) return BESIDE.includes(to);
  if (BESIDE.includes(to)) return true;
  if (ONE_LAYER.includes(folder) && ONE_LAYER.includes(to)) return true;
  return height >= 0 && height < from;
}

/** All files that a file of the browser's reaches by imports, with the way there. */
function reachable(files: ReadonlyMap<string, string>, start: string): Map<string, string[]> {
  const ways = new Map<string, string[]>([[start, [start]]]), todo = [start];
  for (let path = todo.pop(); path; path = todo.pop()) {
    for (const specifier of importsOf(codeOf(files.get(path) ?? ""))) {
      const target = resolve(path, specifier);
      if (target === undefined || ways.has(target) || !files.has(target)) continue;
      ways.set(target, [...ways.get(path)!, target]);
      todo.push(target);
    }
  }
  return ways;
}

/** What a browser would stumble over, reached from `start`. */
function notForBrowsers(files: ReadonlyMap<string, string>, start: string): string[] {
  return [...reachable(files, start)].flatMap(([path, way]) => {
    const code = codeOf(files.get(path)!);
    const uses = [
      ...(usesDeno(code) ? ["Deno"] : []),
      ...importsOf(code).filter((specifier) => specifier.startsWith("node:")),
    ];
    return uses.map((use) => `${way.join(" → ")} uses ${use}.`);
  });
}

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) yield* sources(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield `${folder}${name}`;
  }
}

const files = new Map<string, string>();
for (const folder of ["lib/", "kernels/"]) {
  for await (const path of sources(folder)) {
    files.set(path, await Deno.readTextFile(new URL(path, ROOT)));
  }
}

Deno.test("every layer imports only what lies below it, and only files that exist", () => {
  assert(files.size > 150, `${files.size} files`);
  const known = [...LAYERS.flat(), ...BESIDE, "lib/mod.ts"];
  const unknown = [...files.keys()].filter((path) => !known.includes(folderOf(path)));
  assertEquals(unknown, [], "files in folders without a rule");
  assertEquals(violations(files), []);
});

Deno.test("what runs in a browser reaches no Deno and no node:", () => {
  const starts = [...files.keys()].filter((path) => FOR_BROWSERS.includes(folderOf(path)));
  const found = new Set(starts.flatMap((path) => notForBrowsers(files, path)));
  assertEquals([...found], []);
});

Deno.test("the rules see what breaks them, and name the file and the import", () => {
  const invented = new Map([
    ["kernels/sum.ts", 'import { x } from "../lib/gpu/device.ts";'],
    [
      "lib/gpu/device.ts",
      "// Deno.cwd() in a comment\nexport const x = 1; // and here: Deno.cwd()",
    ],
    ["lib/ops/add.ts", 'import {\n  x,\n} from "../losses/cut.ts";\nexport const y = Deno.cwd();'],
    ["lib/losses/cut.ts", 'export * from "node:path";\nimport "../gpu/nowhere.ts";'],
    ["lib/text/bpe.ts", 'const { x } = await import("../tensor/tensor.ts");'],
    ["lib/tensor/tensor.ts", 'import type { Csv } from "../data/csv.ts";'],
    ["lib/data/csv.ts", 'import { cache } from "cutloss/hub/cache.ts";'],
    ["lib/hub/cache.ts", 'import { join } from "node:path";\nconst url = "http://x//y";'],
    ["lib/report/page.ts", 'import { show } from "../notebook/show.ts";'],
    ["lib/notebook/show.ts", 'import { page } from "../report/page.ts"; // one layer'],
    ["lib/train/loop.ts", 'import { show } from "../notebook/show.ts";'],
  ]);
  assertEquals(violations(invented), [
    "kernels/sum.ts imports lib/gpu/device.ts: kernels may not import lib/gpu.",
    "lib/ops/add.ts uses Deno, but must run in a browser.",
    "lib/ops/add.ts imports lib/losses/cut.ts: lib/ops may not import lib/losses.",
    "lib/losses/cut.ts imports node:path, but must run in a browser.",
    "lib/losses/cut.ts imports lib/gpu/nowhere.ts, which does not exist.",
    "lib/text/bpe.ts imports lib/tensor/tensor.ts: lib/text may not import lib/tensor.",
    "lib/train/loop.ts imports lib/notebook/show.ts: lib/train may not import lib/notebook.",
  ]);
  assertEquals(notForBrowsers(invented, "lib/tensor/tensor.ts"), [
    "lib/tensor/tensor.ts → lib/data/csv.ts → lib/hub/cache.ts uses node:path.",
  ]);
});

/** Type-checks with the library of browsers: DOM, and WebGPU by @webgpu/types; nothing of Deno. */
async function checkForBrowsers(path: string): Promise<{ code: number; errors: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--config", "tests/browser/deno.json", path],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stderr: "piped",
  }).output();
  return { code, errors: new TextDecoder().decode(stderr) };
}

Deno.test("the library type-checks as a browser has it: lib.dom, @webgpu/types, no Deno", async () => {
  const { code, errors } = await checkForBrowsers("lib/mod.ts");
  assertEquals(code, 0, errors);
});

/** The same of a program. */
async function checkProgram(program: string): Promise<{ code: number; errors: string }> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    return await checkForBrowsers(file);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("that type check knows WebGPU but not Deno", async () => {
  const { code, errors } = await checkProgram(
    "export const cwd = Deno.cwd();\nexport const gpu: string = navigator.gpu;\n",
  );
  assertEquals(code, 1);
  assertStringIncludes(errors, "'Deno'");
  assertStringIncludes(errors, "Type 'GPU' is not assignable to type 'string'");
});

Deno.test("models and checkpoints take the folders that browsers give to pages", async () => {
  const { code, errors } = await checkProgram(`
    import * as cutloss from "${new URL("lib/mod.ts", ROOT).href}";
    const folder: FileSystemDirectoryHandle = await navigator.storage.getDirectory();
    const places: cutloss.ModelFiles[] = [
      cutloss.directoryFiles(folder),
      cutloss.fetchedFiles("model"),
      cutloss.memoryFiles(),
    ];
    const store: cutloss.CheckpointStore = cutloss.directoryCheckpoints(folder);
    export const blob = new Blob([await cutloss.encodeSafetensors({})]);
    console.log(places, store);
  `);
  assertEquals(code, 0, errors);
});
