/** Runs cells on one kernel, as the tests of what happens inside a notebook need it. */
import { DenoKernel } from "../../lib/report/kernel/kernel.ts";
import { OutputCollector } from "../../lib/report/kernel/outputs.ts";
import type { NotebookOutput } from "../../lib/report/nbformat.ts";

/** A cell's code; with `interruptAt`, the kernel is interrupted at the first output that matches. */
export type TestCell = string | { code: string; interruptAt: RegExp };

/** Executes the cells in order, each whatever became of those before, and returns their outputs. */
export async function runCells(
  cells: readonly TestCell[],
): Promise<{ outputs: NotebookOutput[]; status: string }[]> {
  await using kernel = await DenoKernel.start({ cwd: "." });
  const collector = new OutputCollector();
  const results = [];
  for (const cell of cells) {
    let { code, interruptAt } = typeof cell === "string"
      ? { code: cell, interruptAt: undefined }
      : cell;
    collector.begin();
    const { status } = await kernel.execute(code, {
      onMessage(message) {
        collector.add(message);
        if (message.header.msg_type === "execute_input") return; // the code itself
        if (!interruptAt?.test(JSON.stringify(message.content))) return;
        interruptAt = undefined;
        kernel.interrupt();
      },
    });
    results.push({ outputs: collector.end(), status });
  }
  return results;
}
