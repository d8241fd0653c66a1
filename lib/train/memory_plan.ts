import { formatBytes } from "../gpu/errors.ts";
import type { MemoryLedger } from "../gpu/ledger.ts";
import type { Model } from "../nn/model.ts";
import { elementCount } from "../tensor/shape.ts";

/** Bytes that a training will take on the device, by estimate. */
export interface MemoryPlan {
  weights: number;
  gradients: number;
  /** Both moments. */
  optimizer: number;
  /** What a step stores for its way back. */
  activations: number;
  /** What the way back holds besides: the largest gradient before it is added to the others. */
  temporary: number;
  total: number;
}

/**
 * Plans the memory of a training with batches of this size.
 *
 * @throws {TypeError} if the model has no `activationBytes`.
 */
export function planMemory(
  model: Model,
  size: { batch: number; time: number; checkpoint?: boolean },
): MemoryPlan {
  const weights = model.weights.bytes;
  const activations = model.activationBytes?.(size);
  if (activations === undefined) {
    throw new TypeError("planMemory(): the model has no method activationBytes to ask.");
  }
  const largest = Math.max(...model.parameters().map(({ shape }) => 4 * elementCount(shape)));
  // At its beginning, with all activations in memory, the way back makes the gradient of the
  // output layer.
  const plan = {
    weights,
    gradients: weights,
    optimizer: 2 * weights,
    activations,
    temporary: largest,
  };
  const total = Object.values(plan).reduce((sum, bytes) => sum + bytes, 0);
  return { ...plan, total };
}

/** The plan as lines, and what was used in truth if a ledger is given. */
export function formatMemoryPlan(plan: MemoryPlan, ledger?: MemoryLedger): string {
  const lines = Object.entries(plan).map(([name, bytes]) =>
    `${name.padEnd(12)} ${formatBytes(bytes).padStart(10)}`
  );
  if (ledger) lines.push(`${"peak, found".padEnd(12)} ${formatBytes(ledger.peak).padStart(10)}`);
  return lines.join("\n");
}
