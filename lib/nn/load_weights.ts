import { formatShape, sameShape } from "../tensor/shape.ts";
import type { WeightSource } from "./model_files.ts";
import type { Parameters } from "./parameters.ts";

/** How the names in files relate to those of a model. */
export interface WeightNames {
  /** For messages: "GPT-2". */
  model: string;
  /** What the names of the model's body begin with in some files and not in others. */
  prefix: string;
  /** Names in files that mean nothing here: buffers, heads of other tasks. */
  ignored: readonly RegExp[];
  /** Names of the head, which a file of the mere body lacks. */
  head?: RegExp;
}

/** A file does not fit the model; the message names every weight that is at fault. */
export class WeightsError extends Error {
  override name = "WeightsError";
}

/**
 * Copies weights from a file to the device.
 *
 * Accepts names with and without the body's prefix, and `gamma` and `beta` for the weight and bias
 * of a norm, as old checkpoints have.
 *
 * @param newHead lets the file lack the head, which then keeps its elements.
 * @throws {WeightsError} one error that names all weights that are unknown, missing, of another
 * shape or no floats. The model is left as it was.
 */
export function loadWeights(
  parameters: Parameters,
  source: WeightSource,
  names: WeightNames,
  { newHead = false }: { newHead?: boolean } = {},
): void {
  const wanted = new Map([...parameters.named()].map((weight) => [weight.name, weight]));
  const found = new Map<string, string>();
  const unknown: string[] = [], misfits: string[] = [];
  for (const [name, { shape, dtype }] of source.entries) {
    const modern = name.replace(/\.gamma$/, ".weight").replace(/\.beta$/, ".bias");
    // As it is written first: a model of one's own may have a gamma.
    const ours = [name, modern, names.prefix + name, names.prefix + modern]
      .find((candidate) => wanted.has(candidate));
    if (!ours) {
      if (!names.ignored.some((pattern) => pattern.test(name))) unknown.push(name);
      continue;
    }
    const expected = wanted.get(ours)!.shape;
    if (found.has(ours)) misfits.push(`${name} and ${found.get(ours)} are both ${ours}`);
    else if (!sameShape(shape, expected)) {
      misfits.push(`${name} is ${formatShape(shape)}, expected ${formatShape(expected)}`);
    } else if (!["F32", "F16", "BF16"].includes(dtype)) {
      misfits.push(`${name} is ${dtype}, expected F32, F16 or BF16`);
    }
    found.set(ours, name);
  }
  const lacking = [...wanted.values()].filter(({ name }) => !found.has(name));
  const isHead = ({ name }: { name: string }) => names.head?.test(name) ?? false;
  const missing = newHead ? lacking.filter((weight) => !isHead(weight)) : lacking;
  const faults = [
    ...(missing.length > 0 ? [`missing: ${missing.map(({ name }) => name).join(", ")}`] : []),
    ...(unknown.length > 0 ? [`unknown: ${unknown.join(", ")}`] : []),
    ...(misfits.length > 0 ? [`wrong: ${misfits.join("; ")}`] : []),
  ];
  if (faults.length > 0) {
    const advice = missing.length > 0 && missing.every(isHead)
      ? " For a head that is to be trained, load with newHead: true."
      : "";
    throw new WeightsError(
      `The weights do not fit this ${names.model}. ${faults.join(". ")}.${advice}`,
    );
  }
  for (const [ours, name] of found) {
    parameters.gpu.write(wanted.get(ours)!.weights, source.readFloat32(name).data);
  }
}
