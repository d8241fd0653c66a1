import { cellTags, joinText, type NotebookCell, type NotebookFile } from "./nbformat.ts";

/** Values of a notebook's parameters, by name. */
export type ParameterValues = Record<string, string | number | boolean>;

/** The tag of the cell that declares parameters, and of the one that sets them, as papermill has it. */
const DECLARED = "parameters", INJECTED = "injected-parameters";

/**
 * Sets a notebook's parameters: a cell tagged `injected-parameters` after the one tagged
 * `parameters` writes the values into its object `parameters`, as papermill does for languages that
 * it knows (TypeScript is none of them). One from an earlier run is replaced.
 *
 * @param name of the notebook, for errors
 * @throws Error if there is no such cell, or it declares no parameter of a name
 */
export function injectParameters(
  notebook: NotebookFile,
  values: ParameterValues,
  name: string,
): void {
  const cells = notebook.cells.filter((cell) => !cellTags(cell).includes(INJECTED));
  const at = cells.findIndex((cell) => cellTags(cell).includes(DECLARED));
  if (at < 0) {
    throw new Error(`${name} has no cell tagged "${DECLARED}" whose values could be set.`);
  }
  const declared = declaredParameters(joinText(cells[at].source));
  for (const key of Object.keys(values)) {
    if (declared.includes(key)) continue;
    throw new Error(
      `${name} has no parameter "${key}"; its parameters are ${declared.join(", ") || "none"}.`,
    );
  }
  const cell: NotebookCell = {
    id: INJECTED,
    cell_type: "code",
    metadata: { tags: [INJECTED] },
    source: `// Set from outside\nObject.assign(parameters, ${JSON.stringify(values)});`,
    outputs: [],
    execution_count: null,
  };
  notebook.cells = cells.toSpliced(at + 1, 0, cell);
}

/** Names in the type of the object `parameters`: `const parameters: { scale?: …; seed?: … } = …`. */
export function declaredParameters(source: string): string[] {
  const type = /\bparameters\s*:\s*\{([^}]*)\}/.exec(source)?.[1] ?? "";
  return [...type.matchAll(/(?:^|[;,\n{])\s*(\w+)\??\s*:/g)].map((match) => match[1]);
}
