import { swiglu as forward, swigluGradient } from "../../kernels/swiglu.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32, checkShapeIs } from "./check.ts";
import { runElements } from "./elementwise.ts";

/**
 * silu(gate) · up (Shazeer, "GLU variants improve transformer", 2020, equation 5 without the
 * projections).
 *
 * @param gate any shape.
 * @param up the same shape.
 */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  checkF32("swiglu", { gate, up });
  checkShapeIs("swiglu", "up", up, gate.shape, "like gate");
  const { gpu, shape, size } = gate;
  const y = gpu.empty(shape, { label: "swiglu" });
  runElements(gpu, forward(), { gate, up, y }, size);
  const saved = { gate: gate.slice, up: up.slice };
  record({
    name: "swiglu",
    inputs: [gate, up],
    outputs: [y],
    saved: [gate, up],
    backward: ([dy]) => {
      const dgate = gpu.empty(shape, { label: "gradient" });
      const dup = gpu.empty(shape, { label: "gradient" });
      runElements(gpu, swigluGradient(), { ...saved, dy: dy!, dgate, dup }, size);
      return [dgate, dup];
    },
  });
  return y;
}
