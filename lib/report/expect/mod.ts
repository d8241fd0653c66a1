/**
 * What executed notebooks are expected to show, and whether they do.
 *
 * `observe` takes from a notebook what is compared at all, `recordCells` puts it into the short form
 * of the files in tests/fixtures/expectations, `compareCells` compares, and rules.ts says within
 * which tolerance, and what is left out because it is a matter of the run or the machine.
 *
 * @module
 */
export { compareCells, compareRuns } from "./compare.ts";
export { readExpectations, writeExpectations } from "./file.ts";
export { observe, type ObservedCell } from "./observe.ts";
export { type Expectations, recordCells } from "./record.ts";
