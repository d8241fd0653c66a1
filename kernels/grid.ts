/** Grids for kernels that go over elements one by one. */

/** Workgroups in x when a grid needs more than one dimension. */
const FOLD = 32768;

/** A grid of at least `count / width` workgroups, folded into two dimensions where needed. */
export function elementGrid(count: number, width: number): [number, number] {
  const groups = Math.ceil(count / width);
  return groups <= FOLD ? [groups, 1] : [FOLD, Math.ceil(groups / FOLD)];
}

/** WGSL that defines `i`, the element of this invocation, from `id` of such a grid. */
export function elementIndex(width: number): string {
  return `let i = id.x + id.y * ${FOLD * width}u;`;
}

/** A grid of one workgroup a row, folded into two dimensions where needed. */
export function rowGrid(rows: number): [number, number] {
  return elementGrid(rows, 1);
}

/** WGSL that defines `row` from `group` = `@builtin(workgroup_id)` of such a grid. */
export function rowIndex(): string {
  return `let row = group.x + group.y * ${FOLD}u;`;
}
