import { joinText, type NotebookFile } from "./nbformat.ts";

/**
 * A notebook as one TypeScript file, its text as comments: cells are told apart by `// %%`, as VS Code
 * and Jupytext read and write them.
 */
export function notebookScript(notebook: NotebookFile): string {
  return notebook.cells.map((cell) => {
    const source = joinText(cell.source).trimEnd();
    if (cell.cell_type === "code") return `// %%\n${source}\n`;
    const lines = source.split("\n").map((line) => `// ${line}`.trimEnd());
    return `// %% [${cell.cell_type}]\n${lines.join("\n")}\n`;
  }).join("\n");
}
