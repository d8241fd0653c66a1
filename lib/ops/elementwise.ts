/** What operations share that go over elements in fours. */
import { elementGrid } from "../../kernels/grid.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import type { Bindable } from "../gpu/device.ts";
import type { Gpu } from "../tensor/gpu.ts";

/** Runs a kernel with one invocation for every four of `size` elements. */
export function runElements(
  gpu: Gpu,
  kernel: Kernel,
  bindings: Readonly<Record<string, Bindable>>,
  size: number,
  params: Readonly<Record<string, number>> = {},
): void {
  const quads = Math.ceil(size / 4);
  gpu.run(kernel, bindings, { quads, ...params }, elementGrid(quads, kernel.workgroup[0]));
}
