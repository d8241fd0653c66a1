/**
 * Executes notebooks without a browser and turns them into a site that can be read from disk.
 *
 * ```ts ignore
 * const { index } = await exportSite([{ name: "06-cut-cross-entropy", notebook }], "reports");
 * ```
 *
 * What a page takes from a notebook: see `describeNotebook` for the keys of its metadata, and
 * lib/notebook/mod.ts for those of its outputs.
 *
 * @module
 */
export * from "./describe.ts";
export * from "./page.ts";
export * from "./site.ts";
