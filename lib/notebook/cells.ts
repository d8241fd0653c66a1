import { basename, dirname, join } from "node:path";
import { joinText, type NotebookFile, parseNotebook } from "../report/nbformat.ts";

/** A notebook's code cells as one module. */
export interface CellsModule {
  code: string;
  /** For each line of `code`, from 1, the code cell and its line that it comes from. */
  origin: (line: number) => { cell: number; line: number } | undefined;
}

/**
 * Turns a notebook's code cells into one TypeScript module that the type checker and the linter
 * understand.
 *
 * Each cell stands in a block inside the block of the cell before, so that it sees what earlier
 * cells declared and may declare a name again, as the kernel allows. Static imports move to the top,
 * the same ones once.
 */
export function cellsModule(notebook: NotebookFile): CellsModule {
  const origins: ({ cell: number; line: number } | undefined)[] = [];
  const lines: string[] = [];
  const push = (text: string, cell?: number, line?: number) => {
    lines.push(text);
    origins.push(cell === undefined || line === undefined ? undefined : { cell, line });
  };
  const sources = notebook.cells.filter((cell) => cell.cell_type === "code")
    .map((cell) => joinText(cell.source));

  push("// deno-lint-ignore-file no-inner-declarations");
  const imported = new Set<string>();
  const bodies = sources.map((source, index) =>
    source.replace(STATIC_IMPORT, (statement: string, at: number) => {
      const line = source.slice(0, at).split("\n").length;
      for (const single of singleImports(statement)) {
        if (!imported.has(single)) push(single, index + 1, line);
        imported.add(single);
      }
      return "\n".repeat(statement.split("\n").length - 1); // the lines below keep their numbers
    })
  );
  push("export {};");
  bodies.forEach((body, index) => {
    push("{");
    body.split("\n").forEach((text, i) => push(text, index + 1, i + 1));
  });
  push("}".repeat(bodies.length));
  return { code: lines.join("\n") + "\n", origin: (line) => origins[line - 1] };
}

/** A static import at the start of a line, over one or more lines. */
const STATIC_IMPORT =
  /^import\s+(?:[^"'();]*?\sfrom\s*)?["'][^"'\n]+["'](?:\s*with\s*\{[^}]*\})?\s*?;?/gm;

/** One statement for each imported name, so that cells may import the same name again. */
function singleImports(statement: string): string[] {
  const flat = statement.replace(/\s+/g, " ").replace(/;$/, "");
  const named = flat.match(/^import (type )?(?:([\w$]+) ?, ?)?\{(.*)\} ?from (.+)$/);
  if (!named) return [`${flat};`];
  const [, type = "", standard, list, from] = named;
  const names = list.split(",").map((name) => name.trim()).filter(Boolean);
  return [
    ...standard ? [`import ${type}${standard} from ${from};`] : [],
    ...names.map((name) => {
      const kind = type || (name.startsWith("type ") ? "type " : "");
      return `import ${kind}{ ${name.replace(/^type /, "")} } from ${from};`;
    }),
  ];
}

/** What {@link checkCells} found. */
export interface CellsCheck {
  passed: boolean;
  /** What the type checker and the linter said, with places in notebooks; empty if all is well. */
  report: string;
}

/**
 * Checks the types of notebooks' code cells and lints them.
 *
 * Writes a module beside each notebook, because its imports start there, and removes it again.
 */
export async function checkCells(notebooks: readonly string[]): Promise<CellsCheck> {
  const modules = new Map<string, { notebook: string; module: CellsModule }>();
  try {
    for (const notebook of notebooks) {
      const name = `.${basename(notebook, ".ipynb")}.cells.ts`;
      const file = join(await Deno.realPath(dirname(notebook)), name);
      const module = cellsModule(parseNotebook(await Deno.readTextFile(notebook), notebook));
      modules.set(file, { notebook, module });
      await Deno.writeTextFile(file, module.code);
    }
    if (modules.size === 0) return { passed: true, report: "" };
    const files = [...modules.keys()];
    const checked = await deno("check", ...files);
    const linted = await deno("lint", ...files);
    const passed = checked.passed && linted.passed;
    let report = passed ? "" : [checked, linted].filter((run) => !run.passed)
      .map((run) => run.output).join("\n");
    for (const [file, { notebook, module }] of modules) {
      report = withPlaces(report, file, notebook, module);
    }
    return { passed, report };
  } finally {
    for (const file of modules.keys()) await Deno.remove(file).catch(() => {});
  }
}

/** Replaces places in the module by places in the notebook. */
function withPlaces(
  report: string,
  file: string,
  notebook: string,
  { origin }: CellsModule,
): string {
  const path = file.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return report.replace(
    new RegExp(`(?:file://)?${path}(?::(\\d+):(\\d+))?`, "g"),
    (_, line, column) => {
      const place = origin(Number(line));
      return place
        ? `${notebook}, code cell ${place.cell}, line ${place.line}:${column}`
        : notebook;
    },
  );
}

async function deno(...args: string[]): Promise<{ passed: boolean; output: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1" },
    stdin: "null",
  });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { passed: success, output: (text.decode(stdout) + text.decode(stderr)).trim() };
}
