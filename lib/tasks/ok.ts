/**
 * `deno task ok [--no-test]`: what must hold before a commit: format, lint, types, also of the
 * notebooks' cells, and tests.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkCells } from "../notebook/cells.ts";
import { ensureAdapter } from "./adapter.ts";
import { runTests } from "./test.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Folders with code of ours. */
const CODE = ["lib", "kernels", "tests"];

/** A check: its name, and what prints its complaints and returns whether there were none. */
type Check = [name: string, run: () => Promise<boolean>];

async function deno(...args: string[]): Promise<boolean> {
  const { code } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).spawn().status;
  return code === 0;
}

async function notebooks(): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name } of Deno.readDir(join(ROOT, "notebooks"))) {
    if (name.endsWith(".ipynb")) paths.push(join(ROOT, "notebooks", name));
  }
  return paths.sort();
}

const HELP = `deno task ok: what must hold before a commit: format, lint, types, also of the
notebooks' cells, and all tests.

  --no-test   all but the tests
`;

/**
 * Reads the arguments of `deno task ok`; undefined if they ask for help.
 *
 * @throws {Error} A sentence that names the argument.
 */
export function readArguments(args: readonly string[]): { test: boolean } | undefined {
  if (args.includes("--help") || args.includes("-h")) return undefined;
  const unknown = args.find((arg) => arg !== "--no-test");
  if (unknown === undefined) return { test: args.length === 0 };
  throw new Error(`An argument is ${unknown}, expected none but --no-test or --help.`);
}

const CHECKS: Check[] = [
  ["format", () => deno("fmt", "--check", "--quiet", "deno.json", ...CODE)],
  ["lint", () => deno("lint", "--quiet", ...CODE)],
  ["types", () => deno("check", "--quiet", ...CODE)],
  ["notebook cells", async () => {
    const { passed, report } = await checkCells(await notebooks());
    if (!passed) console.error(report);
    return passed;
  }],
];

async function main({ test }: { test: boolean }): Promise<number> {
  const failed: string[] = [];
  for (const [name, run] of CHECKS) {
    const began = performance.now();
    const passed = await run();
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${name.padEnd(16)}${passed ? "ok" : "FAILED"} (${seconds} s)`);
    if (!passed) failed.push(name);
  }
  if (test) {
    await ensureAdapter();
    if (await runTests([]) !== 0) failed.push("tests");
  }
  if (failed.length > 0) console.error(`Not ok: ${failed.join(", ")}.`);
  return failed.length > 0 ? 1 : 0;
}

if (import.meta.main) {
  try {
    const options = readArguments(Deno.args);
    if (!options) console.log(HELP);
    else Deno.exit(await main(options));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
