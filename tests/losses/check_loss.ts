/** Compares the loss and its gradients with the f64 reference, case by case. */
import { assert } from "@std/assert";
import { add, mul, sum } from "../../lib/ops/mod.ts";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import type { LinearCrossEntropyOptions } from "../../lib/losses/options.ts";
import type { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { type Expected, expected, type HostProblem, normals } from "./reference.ts";

/** A problem and options; the bias comes from the problem. */
export interface LossCase {
  problem: HostProblem;
  options: Omit<LinearCrossEntropyOptions, "bias" | "impl" | "returnLse" | "returnAccuracy">;
  impls?: readonly ("naive" | "chunked" | "cut")[];
  /** Also asks for the log-sum-exp, and sends random gradients back through it. */
  lse?: boolean;
  /** Also asks for the accuracy. */
  accuracy?: boolean;
  /** Shape of E without D (default [B, T], or [T] for one sequence). */
  leading?: readonly number[];
  /** Which inputs require a gradient (default all). */
  requires?: { e?: boolean; c?: boolean; bias?: boolean };
  /** Errors may be this many times larger (default 1): say why. */
  looser?: number;
  /** Only the loss, under noGrad(). */
  forwardOnly?: boolean;
}

/** A quantity's error is at most absolute · scale + relative · |truth|. */
export interface Tolerance {
  absolute: number;
  relative: number;
}

/**
 * What errors are allowed, and why. Numbers are f32, with 24 bits: a rounding is 6e-8.
 *
 * - `loss`, `lse`: a logit is a chain of D fused multiply-adds, of up to 512 terms that add up to
 *   about 512 in confident rows; its error is a few times 6e-8 · |z|, and so is that of the
 *   log-sum-exp, whose relative error is what counts. The loss is a difference of the two: near
 *   zero its error is an absolute one, of a few roundings of a number of some tens or hundreds.
 * - accuracy: a count, or one divided by another.
 * - gradients: a probability is exp(z − lse), so its relative error is the absolute one of z − lse,
 *   at most some 1e-5 for |z| of hundreds. Sums over N or V add their terms' errors.
 */
export const TOLERANCES: Record<keyof Expected, Tolerance> = {
  loss: { absolute: 1e-5, relative: 2e-6 },
  lse: { absolute: 1e-5, relative: 1e-6 },
  accuracy: { absolute: 1e-7, relative: 1e-7 },
  dE: { absolute: 1e-5, relative: 1e-4 },
  dC: { absolute: 1e-5, relative: 1e-4 },
  dBias: { absolute: 1e-5, relative: 1e-4 },
};

/** The largest error met so far in parts of what is allowed, by quantity and way. */
export const worst = new Map<string, number>();

/** Fails, naming the element, if a quantity is further from the truth than allowed. */
export function assertWithin(
  actual: ArrayLike<number>,
  truth: ArrayLike<number>,
  { absolute, relative }: Tolerance,
  what: string,
): number {
  assert(
    actual.length === truth.length,
    `${what} has ${actual.length} of ${truth.length} elements`,
  );
  let largest = 0;
  for (let i = 0; i < truth.length; i++) {
    const error = Math.abs(actual[i] - truth[i]) / (absolute + relative * Math.abs(truth[i]));
    assert(
      error <= 1,
      `${what}[${i}] is ${actual[i]}; expected ${truth[i]} (${error} times the allowed error)`,
    );
    if (error > largest) largest = error;
  }
  return largest;
}

/** Runs a case in every way and compares. */
export async function checkLoss(gpu: Gpu, name: string, test: LossCase): Promise<void> {
  const { problem: p, options, lse = false, accuracy = false, forwardOnly = false, looser = 1 } =
    test;
  const { impls = ["naive", "chunked", "cut"], requires = { e: true, c: true, bias: true } } = test;
  const { shift = 0, reduction = "mean" } = options;
  const tokens = p.b * (p.t - shift), normal = normals(7);
  const dLoss = Float32Array.from(
    { length: reduction === "none" ? tokens : 1 },
    (_, i) => i % 5 === 3 ? 0 : normal(),
  );
  const dLse = lse
    ? Float32Array.from({ length: tokens }, (_, i) => i % 7 === 2 ? 0 : normal())
    : undefined;
  const truth = expected(p, { ...options, bias: undefined }, dLoss, dLse);
  const results: { impl: string; quantities: (keyof Expected)[]; read: Tensor[] }[] = [];
  for (const impl of impls) {
    using _ = gpu.scope();
    const leading = test.leading ?? (p.b === 1 ? [p.t] : [p.b, p.t]);
    const e = gpu.tensor(p.e, [...leading, p.d], { requiresGrad: requires.e ?? false });
    const c = gpu.tensor(p.c, [p.v, p.d], { requiresGrad: requires.c ?? false });
    const bias = p.bias && gpu.tensor(p.bias, [p.v], { requiresGrad: requires.bias ?? false });
    const run = (): { loss: Tensor; lse?: Tensor; accuracy?: Tensor } => {
      const all = { ...options, impl, bias }, returnLse = true, returnAccuracy = true;
      if (lse && accuracy) {
        return linearCrossEntropy(e, c, p.targets, { ...all, returnLse, returnAccuracy });
      }
      if (lse) return linearCrossEntropy(e, c, p.targets, { ...all, returnLse });
      if (accuracy) return linearCrossEntropy(e, c, p.targets, { ...all, returnAccuracy });
      return { loss: linearCrossEntropy(e, c, p.targets, all) };
    };
    if (forwardOnly) {
      using _ = gpu.noGrad();
      const found = run();
      results.push({ impl, quantities: ["loss"], read: [found.loss.keep()] });
      continue;
    }
    const found = run();
    found.loss.keep();
    found.lse?.keep();
    found.accuracy?.keep();
    const upstream = gpu.tensor(dLoss, found.loss.shape);
    if (found.lse) {
      const upstreamOfLse = gpu.tensor(dLse!, found.lse.shape);
      add(sum(mul(found.loss, upstream)), sum(mul(found.lse, upstreamOfLse))).backward();
    } else found.loss.backward(upstream);
    const quantities: (keyof Expected)[] = ["loss"], read = [found.loss];
    if (found.lse) quantities.push("lse"), read.push(found.lse);
    if (found.accuracy) quantities.push("accuracy"), read.push(found.accuracy);
    for (const [quantity, tensor] of [["dE", e], ["dC", c], ["dBias", bias]] as const) {
      if (!tensor?.requiresGrad) {
        assert(!tensor?.grad, `${name} ${impl}: ${quantity} was not asked for`);
        continue;
      }
      assert(tensor.grad, `${name} ${impl}: ${quantity} is missing`);
      quantities.push(quantity);
      read.push(tensor.grad.alias().keep()); // the tensor frees its own gradient
    }
    results.push({ impl, quantities, read });
  }
  const values = await gpu.read(results.flatMap(({ read }) => read));
  for (const { impl, quantities, read } of results) {
    quantities.forEach((quantity) => {
      const error = assertWithin(
        values.shift()!,
        truth[quantity],
        {
          absolute: looser * TOLERANCES[quantity].absolute,
          relative: looser * TOLERANCES[quantity].relative,
        },
        `${name} ${impl}: ${quantity}`,
      );
      const key = `${impl} ${quantity}`;
      worst.set(key, Math.max(worst.get(key) ?? 0, error));
    });
    for (const tensor of read) tensor.dispose();
  }
}
