/** Non-linear functions of every element. */
import {
  activation as forward,
  activationGradient,
  type ActivationName,
  derivativeFromOutput,
} from "../../kernels/activation.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32 } from "./check.ts";
import { runElements } from "./elementwise.ts";

/**
 * f(x) element by element, for the function named.
 *
 * @param x any shape.
 * @returns the same shape.
 */
export function activation(name: ActivationName, x: Tensor): Tensor {
  checkF32(name, { x });
  const { gpu, shape, size } = x;
  const y = gpu.empty(shape, { label: name });
  runElements(gpu, forward({ name }), { x, y }, size);
  const kept = derivativeFromOutput(name) ? y : x;
  const saved = kept.slice;
  record({
    name,
    inputs: [x],
    outputs: [y],
    saved: [kept],
    backward: ([dy]) => {
      const dx = gpu.empty(shape, { label: "gradient" });
      runElements(gpu, activationGradient({ name }), { saved, dy: dy!, dx }, size);
      return [dx];
    },
  });
  return y;
}

/**
 * x·Φ(x), exactly or by GPT-2's formula with tanh (Hendrycks and Gimpel, "Gaussian error linear
 * units", 2016; `approximate` as in PyTorch's `nn.GELU`).
 */
export function gelu(
  x: Tensor,
  { approximate = "none" }: { approximate?: "none" | "tanh" } = {},
): Tensor {
  if (approximate !== "none" && approximate !== "tanh") {
    throw new RangeError(
      `gelu(): approximate is ${JSON.stringify(approximate)}; expected "none" or "tanh".`,
    );
  }
  return activation(approximate === "tanh" ? "gelu_tanh" : "gelu", x);
}

/** x·σ(x), also called swish. */
export function silu(x: Tensor): Tensor {
  return activation("silu", x);
}

/** The hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return activation("tanh", x);
}

/** max(x, 0), with derivative 0 at 0. */
export function relu(x: Tensor): Tensor {
  return activation("relu", x);
}
