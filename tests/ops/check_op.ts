/**
 * Checks an operation against a formula in f64 on the host: its value, its gradients against central
 * differences of the formula, and that a second run gives the same bits.
 */
import { assert, assertEquals } from "@std/assert";
import type { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

/** Numbers in −1 … 1 that look random and are the same everywhere. */
export function numbers(count: number, seed = 1): Float32Array<ArrayBuffer> {
  let state = seed * 2654435761 >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 13), 0x297a2d39) >>> 0;
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

/** Fails unless |actual − expected| ≤ absolute + relative · |expected| everywhere. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  absolute = 1e-5,
  relative = 1e-4,
): void {
  assertEquals(actual.length, expected.length, `${what}: number of elements`);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    assert(
      error <= absolute + relative * Math.abs(expected[i]),
      `${what}[${i}] is ${actual[i]}; expected ${expected[i]} (error ${error})`,
    );
  }
}

/** An operation and what it should be. */
export interface Case {
  /** Shapes of the inputs; their numbers are in −1 … 1, times `size` (default 1). */
  shapes: readonly (readonly number[])[];
  size?: number;
  op: (inputs: Tensor[]) => Tensor;
  /** The formula in f64. */
  formula: (inputs: Float64Array[]) => ArrayLike<number>;
  absolute?: number;
  relative?: number;
  /** Elements of each gradient that are compared (default 24, spread evenly). */
  probes?: number;
  /** Whether gradients are compared too (default true). */
  gradients?: boolean;
}

/** Runs a case. */
export async function checkOp(gpu: Gpu, name: string, c: Case): Promise<void> {
  const { absolute = 1e-5, relative = 1e-4, probes = 24 } = c;
  const data = c.shapes.map((shape, i) =>
    numbers(shape.reduce((a, b) => a * b, 1), i + 1).map((x) => x * (c.size ?? 1))
  );
  const before = gpu.memory.live;
  const once = async () => {
    using _ = gpu.scope();
    const inputs = c.shapes.map((shape, i) =>
      gpu.tensor(data[i], shape, { requiresGrad: true, label: `input ${i}` }).keep()
    );
    const y = c.op(inputs).keep();
    const upstream = gpu.tensor(numbers(y.size, 99), y.shape);
    if (c.gradients ?? true) y.backward(upstream);
    const grads = inputs.map((input) => input.grad);
    const found = await gpu.read([y, ...grads.filter((g) => g !== undefined)]);
    for (const tensor of [y, ...inputs]) tensor.dispose();
    return found;
  };
  const first = await once(), second = await once();
  first.forEach((values, i) => {
    const bits = (x: Float32Array) => new Uint32Array(x.buffer, x.byteOffset, x.length);
    assertEquals(bits(second[i]), bits(values), `${name}: result ${i} differs in a second run`);
  });
  assertEquals(gpu.memory.live, before, `${name}: memory is still in use`);

  const exact = data.map((x) => Float64Array.from(x));
  const [y, ...gradients] = first;
  assertClose(y, c.formula(exact), `${name}: y`, absolute, relative);
  if (c.gradients === false) return;
  assertEquals(gradients.length, data.length, `${name}: number of gradients`);
  const upstream = numbers(y.length, 99);
  const loss = () => {
    const values = c.formula(exact);
    let sum = 0;
    for (let i = 0; i < upstream.length; i++) sum += upstream[i] * values[i];
    return sum;
  };
  gradients.forEach((gradient, input) => {
    const x = exact[input], step = Math.max(1, x.length / probes);
    const h = 1e-5;
    for (let at = 0; at < x.length; at += step) {
      const i = Math.floor(at), value = x[i];
      x[i] = value + h;
      const above = loss();
      x[i] = value - h;
      const below = loss();
      x[i] = value;
      assertClose(
        [gradient[i]],
        [(above - below) / (2 * h)],
        `${name}: gradient of input ${input}, element ${i}`,
        absolute,
        relative,
      );
    }
  });
}
