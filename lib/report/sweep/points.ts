import { basename, join } from "node:path";
import type { NotebookFile } from "../nbformat.ts";
import { readNotebook } from "../notebook_file.ts";
import type { ParameterValues } from "../parameters.ts";
import { gridOf, type SweepPlace } from "./grid.ts";

/** An executed point of a sweep. */
export interface SweepPoint extends SweepPlace {
  parameters: ParameterValues;
  notebook: NotebookFile;
}

/** A sweep of one notebook, as far as it has been executed. */
export interface Sweep {
  /** The notebook's file name without extension. */
  name: string;
  points: SweepPoint[];
  /** Points that are not there. */
  missing: { point: number; parameters: ParameterValues }[];
}

/** The file of a point in the folder of its sweep. */
export function pointFile(point: number): string {
  return `point-${String(point).padStart(4, "0")}.ipynb`;
}

/**
 * Reads the sweeps in a directory: a folder a notebook, in it a file a point.
 *
 * @throws Error if there is no such directory, if there are none, or points of different sweeps lie in
 * one folder
 */
export async function readSweeps(directory: string): Promise<Sweep[]> {
  const folders: string[] = [];
  const { isDirectory } = await Deno.stat(directory).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return { isDirectory: false };
    throw error;
  });
  if (!isDirectory) {
    throw new Error(`There is no folder ${directory}, expected one that "deno task sweep" made.`);
  }
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) folders.push(join(directory, name));
  }
  const sweeps: Sweep[] = [];
  for (const folder of folders.sort()) {
    const sweep = await readSweep(folder);
    if (sweep) sweeps.push(sweep);
  }
  if (sweeps.length === 0) throw new Error(`${directory} holds no executed points of a sweep.`);
  return sweeps;
}

async function readSweep(folder: string): Promise<Sweep | undefined> {
  const points: SweepPoint[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!/^point-\d+\.ipynb$/.test(name)) continue;
    const notebook = await readNotebook(join(folder, name));
    const { sweep, parameters = {} } = (notebook.metadata.cutloss ?? {}) as {
      sweep?: SweepPlace;
      parameters?: ParameterValues;
    };
    if (!sweep) throw new Error(`${join(folder, name)} does not say to which sweep it belongs.`);
    points.push({ ...sweep, parameters, notebook });
  }
  if (points.length === 0) return undefined;
  points.sort((a, b) => a.point - b.point);
  const [{ over }] = points;
  const other = points.find((point) => JSON.stringify(point.over) !== JSON.stringify(over));
  if (other) {
    throw new Error(
      `${folder} holds points of two sweeps, ${points[0].command} and ${other.command}; ` +
        "remove those of one.",
    );
  }
  const there = new Set(points.map(({ point }) => point));
  const missing = gridOf(over).map((parameters, point) => ({ point, parameters }))
    .filter(({ point }) => !there.has(point));
  return { name: basename(folder), points, missing };
}
