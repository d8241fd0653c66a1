/** What the tape knows of gradients on their way, and where backward functions may write them. */
import type { Tensor } from "./tensor.ts";

/** The gradients of 1 that `backward()` begins with. */
const ones = new WeakSet<Tensor>();

/** The gradient that `backward()` begins with where it is told none. */
export function unitGradient(root: Tensor): Tensor {
  const gradient = root.gpu.full(root.shape, 1, { label: "gradient" });
  ones.add(gradient);
  return gradient;
}

/** Says that something has been added to a gradient. */
export function noLongerOne(gradient: Tensor): void {
  ones.delete(gradient);
}

/** Whether the host knows that a gradient is 1, so that nothing need be multiplied by it. */
export function isOne(gradient: Tensor): boolean {
  return ones.has(gradient);
}

/** Gradients of results that have arrived so far, in the innermost `backward()`. */
let arrived: ReadonlyMap<Tensor, Tensor> | undefined;

/** Until it is disposed of, `gradients` are those that have arrived. */
export function arriving(gradients: ReadonlyMap<Tensor, Tensor>): Disposable {
  const outer = arrived;
  arrived = gradients;
  return { [Symbol.dispose]: () => void (arrived = outer) };
}

/** Handles on gradients that backward functions were given to write to: nothing is left to add. */
const places = new WeakSet<Tensor>();

/** Whether a gradient is such a handle. */
export function isPlace(gradient: Tensor): boolean {
  return places.has(gradient);
}

/** What a backward function writes a gradient to. */
export interface GradientPlace {
  into: Tensor;
  /** Whether it adds to what is there, which is the gradient so far. Else the elements are undefined. */
  accumulate: boolean;
}

/**
 * Where a backward function that can add writes the gradient of an input, before it returns it: to
 * the gradient that it is to be added to, if there is one, which saves memory and an addition.
 */
export function gradientPlace(input: Tensor): GradientPlace {
  const { grad, node, requiresGrad } = input;
  const soFar = node ? arrived?.get(input) : requiresGrad && !grad?.cleared ? grad : undefined;
  if (soFar && !soFar.shared) return { into: placeIn(soFar), accumulate: true };
  return { into: gradientOf(input), accumulate: false };
}

/**
 * The same for one that cannot add: a new tensor, whose elements are undefined, or the leaf's gradient
 * itself where that has been cleared.
 */
export function gradientOf(input: Tensor): Tensor {
  const { gpu, grad, node, shape, requiresGrad } = input;
  if (requiresGrad && !node && grad?.cleared) {
    grad.cleared = false;
    return placeIn(grad);
  }
  return gpu.empty(shape, { label: "gradient" });
}

function placeIn(gradient: Tensor): Tensor {
  const place = gradient.alias();
  places.add(place);
  return place;
}
