/** Reverse-mode differentiation over a tape of recorded operations. */
import { accumulate } from "../../kernels/accumulate.ts";
import { elementGrid } from "../../kernels/grid.ts";
import { checkRoot } from "./check_root.ts";
import { arriving, isPlace, noLongerOne, unitGradient } from "./gradient_place.ts";
import { formatShape, sameShape, ShapeError } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Gradients of an operation's inputs from those of its outputs (undefined: no gradient there). */
export type BackwardFunction = (
  upstream: readonly (Tensor | undefined)[],
) => readonly (Tensor | undefined)[];

/** One recorded operation. */
export interface TapeNode {
  name: string;
  /** Operations are differentiated in the reverse order of their recording. */
  order: number;
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  backward: BackwardFunction;
  /** Throws if something was written to what `backward` reads. */
  checkSaved: () => void;
  /** What it holds; emptied when it is let go. */
  held: { release: (() => void) | undefined };
}

/** What an operation tells the tape. */
export interface Recording {
  name: string;
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  /** Tensors that the backward function reads; they stay in memory until it has run. */
  saved?: readonly Tensor[];
  /**
   * Gets the gradients of the outputs (disposed of afterwards by the tape) and returns those of
   * the inputs, in new tensors that the tape takes over. It is asked only for what requires one:
   * check `input.requiresGrad`.
   */
  backward: BackwardFunction;
  /** Frees what else the operation holds for the way back; called once, used or not. */
  release?: () => void;
}

let recorded = 0;

/** Lets go of what operations held whose results nobody can reach any more. */
const forgotten = new FinalizationRegistry<TapeNode["held"]>(({ release }) => release?.());

/**
 * Puts an operation on the tape, if a gradient can flow through it. With a kernel of your own:
 *
 * ```ts
 * import {
 *   type Bindable, checkGradient, defineKernel, elementGrid, elementIndex, Gpu, record, type Tensor, wgsl,
 * } from "cutloss";
 *
 * const scaledProduct = defineKernel("scaled_product", () => ({
 *   bindings: { a: "read array<f32>", b: "read array<f32>", y: "write array<f32>" },
 *   params: { count: "u32", factor: "f32" },
 *   workgroup: [64, 1, 1],
 *   code: wgsl`
 *     @compute @workgroup_size(64)
 *     fn main(@builtin(global_invocation_id) id: vec3u) {
 *       ${elementIndex(64)}
 *       if (i < params.count) { y[i] = params.factor * a[i] * b[i]; }
 *     }`,
 * }));
 *
 * function square(x: Tensor): Tensor {
 *   const { gpu, shape, size, slice: a } = x;
 *   const times = (b: Bindable, factor: number) => {
 *     const y = gpu.empty(shape, { label: "square" });
 *     gpu.run(scaledProduct(), { a, b, y }, { count: size, factor }, elementGrid(size, 64));
 *     return y;
 *   };
 *   const y = times(a, 1);
 *   record({
 *     name: "square",
 *     inputs: [x],
 *     outputs: [y],
 *     saved: [x], // its memory is needed on the way back, whatever becomes of the handle
 *     backward: ([dy]) => [times(dy!, 2)],
 *   });
 *   return y;
 * }
 *
 * using gpu = await Gpu.open();
 * using x = gpu.tensor([1, 2, 3], [3], { requiresGrad: true });
 * console.log(await checkGradient(square, [x]));
 * ```
 */
export function record(recording: Recording): void {
  const { name, inputs, outputs, saved = [], backward, release } = recording;
  const gpu = outputs[0].gpu;
  if (!gpu.gradEnabled || !inputs.some((input) => input.requiresGrad)) {
    release?.();
    return;
  }
  const memory = saved.map((tensor) => tensor.memory.retain());
  const writes = memory.map((buffer) => buffer.writes), labels = saved.map(({ label }) => label);
  const node: TapeNode = {
    name,
    order: ++recorded,
    inputs,
    outputs,
    backward,
    checkSaved() {
      const i = memory.findIndex((buffer, i) => buffer.writes !== writes[i]);
      if (i < 0) return;
      throw new Error(
        `backward() needs "${labels[i]}" as ${name}() saw it, but it has been written to since; ` +
          `call backward() before you change weights or inputs.`,
      );
    },
    held: {
      release: () => {
        for (const buffer of memory) buffer.release();
        release?.();
      },
    },
  };
  forgotten.register(node, node.held, node);
  for (const input of inputs) input.consumers++;
  for (const output of outputs) {
    output.requiresGrad = true;
    output.node = node;
  }
}

/** See {@linkcode Tensor.backward}. */
export function backward(root: Tensor, upstream?: Tensor): void {
  const { gpu } = root;
  checkRoot(root, upstream);
  const nodes = reachable(root);
  const pending = new Map<Tensor, Tensor>();
  const arrive = (tensor: Tensor, gradient: Tensor) => {
    if (!sameShape(gradient.shape, tensor.shape)) {
      throw new ShapeError(
        `The gradient of "${tensor.label}" has the shape ${formatShape(gradient.shape)}; ` +
          `expected ${formatShape(tensor.shape)}.`,
      );
    }
    if (gradient.dtype !== "f32") {
      throw new TypeError(
        `The gradient of "${tensor.label}" has the dtype ${gradient.dtype}; expected f32.`,
      );
    }
    const soFar = tensor.node ? pending.get(tensor) : tensor.grad;
    if (isPlace(gradient)) gradient.dispose();
    else if (tensor.node) pending.set(tensor, sum(soFar, gradient));
    else tensor.grad = owned(sum(soFar, gradient));
  };

  using _noGrad = gpu.noGrad();
  using _arriving = arriving(pending);
  // Also when something throws on the way: what is made here and not kept is freed.
  using _scope = gpu.scope();
  arrive(root, upstream?.alias() ?? unitGradient(root));
  for (const node of nodes) {
    const gradients = node.outputs.map((output) => pending.get(output));
    if (gradients.some((gradient) => gradient !== undefined)) {
      node.checkSaved();
      const results = node.backward(gradients);
      node.inputs.forEach((input, i) => {
        const gradient = results[i];
        if (!gradient) return;
        if (input.requiresGrad) arrive(input, gradient);
        else gradient.dispose();
      });
    }
    for (const output of node.outputs) {
      const gradient = pending.get(output);
      if (gradient && output.kept && output !== root) {
        output.grad = owned(sum(output.grad, gradient.alias()));
      }
      gradient?.dispose();
      pending.delete(output);
      output.node = undefined;
      output.consumed = true;
      if (output !== root && !output.kept) output.dispose("backward()");
    }
    letGo(node);
  }
  // A leaf may still get gradients from elsewhere.
  if (root.consumed) root.requiresGrad = false;
}

/** Frees what a node holds, once. */
function letGo(node: TapeNode): void {
  const { release } = node.held;
  if (!release) return;
  node.held.release = undefined;
  forgotten.unregister(node);
  for (const input of node.inputs) input.consumers--;
  release();
}

/**
 * A tensor was freed outside of `backward()`: if no operation has used it, nothing can flow back
 * through the one that made it, nor, if that was their only use, through those before.
 */
export function drop(tensor: Tensor): void {
  const todo = [tensor];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { node } = next;
    if (!node || node.outputs.some((output) => !output.disposed || output.consumers > 0)) continue;
    letGo(node);
    for (const output of node.outputs) output.node = undefined;
    todo.push(...node.inputs.filter((input) => input.disposed));
  }
}

/**
 * Operations that `root` depends on, last recorded first.
 *
 * @throws if an earlier `backward()` has consumed some of them: their inputs would get nothing.
 */
function reachable(root: Tensor): TapeNode[] {
  const found = new Set<TapeNode>(), todo = [root];
  for (let tensor = todo.pop(); tensor; tensor = todo.pop()) {
    const { node } = tensor;
    if (tensor.consumed) {
      throw new Error(
        `backward() of "${root.label}" leads through "${tensor.label}", whose tape an earlier ` +
          `backward() has consumed; add up the losses and call backward() once, or cut the tape ` +
          `there with alias().`,
      );
    }
    if (!node || found.has(node)) continue;
    found.add(node);
    for (const input of node.inputs) if (input.requiresGrad) todo.push(input);
  }
  return [...found].sort((a, b) => b.order - a.order);
}

/**
 * `into + gradient`, in place where that is seen by nobody else: operations may hand on one
 * gradient to several inputs as aliases. Takes over both.
 */
function sum(into: Tensor | undefined, gradient: Tensor): Tensor {
  if (!into) return gradient;
  if (into.shared) [into, gradient] = [gradient, into];
  if (into.shared) into = copyOf(into);
  into.cleared = false;
  noLongerOne(into);
  const { gpu } = into, xs = gpu.parts(gradient);
  gpu.parts(into).forEach((y, i) => {
    const count = y.bytes / 4;
    gpu.run(accumulate(), { x: xs[i], y }, { count, factor: 1 }, elementGrid(count, 256));
  });
  gradient.dispose();
  return into;
}

/** The gradient in memory of its own. Takes over `tensor`. */
function copyOf(tensor: Tensor): Tensor {
  const copy = tensor.gpu.empty(tensor.shape, { label: tensor.label });
  tensor.gpu.copy(tensor, copy, tensor.bytes);
  tensor.dispose();
  return copy;
}

/** What stays after `backward()` belongs to its tensor alone: optimisers change it in place. */
function owned(gradient: Tensor): Tensor {
  return (gradient.shared ? copyOf(gradient) : gradient).keep();
}
