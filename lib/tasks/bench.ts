/**
 * `deno task bench NAME [arguments]`: runs tests/bench/NAME_bench.ts, which prints a table.
 *
 * Without a name it lists the benchmarks.
 */
import { ensureAdapter } from "./adapter.ts";

const FOLDER = new URL("../../tests/bench/", import.meta.url);

/** Names of the benchmarks. */
export function benchmarks(): string[] {
  return [...Deno.readDirSync(FOLDER)]
    .filter(({ name }) => name.endsWith("_bench.ts"))
    .map(({ name }) => name.slice(0, -"_bench.ts".length))
    .sort();
}

const HELP =
  `deno task bench NAME: run a benchmark, which prints a table. Without a name, list them.

  --small, …   what stands behind NAME goes to the benchmark: see tests/bench/NAME_bench.ts
`;

if (import.meta.main) {
  const [name, ...args] = Deno.args, names = benchmarks();
  const list = `Benchmarks: ${names.join(", ")}. For example: deno task bench ${names[0]}`;
  // Also behind a name: benchmarks have no help of their own, and would run.
  if (Deno.args.some((arg) => arg === "--help" || arg === "-h")) {
    console.log(`${HELP}\n${list}`);
    Deno.exit(0);
  }
  if (name === undefined || !names.includes(name)) {
    if (name !== undefined) console.error(`There is no benchmark "${name}".`);
    console.log(list);
    Deno.exit(name === undefined ? 0 : 1);
  }
  await ensureAdapter();
  const { run } = await import(new URL(`${name}_bench.ts`, FOLDER).href) as {
    run(args: string[]): Promise<void>;
  };
  await run(args);
}
